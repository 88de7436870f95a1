// The frame around a live figure: a card, its controls, crisp drawings, and a clock that stands
// still when nobody looks or the reader's system asks for little motion.
//
// A figure's module exports create(frame, data). It builds the figure with the methods below and
// puts what they return where it wants it with frame.add.

import { revive } from "./packing.js";

const STYLE = `
  :host { display: block; color-scheme: light; }
  .card { position: relative; box-sizing: border-box; padding: 0.8em; border-radius: 0.5rem;
    background: var(--card); color: var(--ink); font-size: 15px; line-height: 1.4; }
  .row { display: flex; flex-wrap: wrap; gap: 0.5em 0.9em; align-items: center; margin: 0.4em 0; }
  .side { display: flex; flex-wrap: wrap; gap: 0.8em 1.4em; align-items: flex-start; }
  .side > * { flex: 1 1 14em; min-width: 0; }
  p { margin: 0.4em 0; }
  canvas { display: block; width: 100%; touch-action: pan-y; }
  canvas.drawn { max-width: 22em; touch-action: none; cursor: crosshair; }
  button, input[type="search"] { box-sizing: border-box; min-height: 44px;
    padding: 0.3em 0.9em; border: 1px solid #767469; border-radius: 0.4em; background: #fff;
    color: inherit; font: inherit; }
  button { cursor: pointer; }
  button:hover { border-color: var(--ink); }
  button:disabled { color: #6a6860; background: none; cursor: default; }
  button.switch { display: inline-flex; gap: 0.4em; align-items: center; }
  button.switch[aria-pressed="true"] { border: 2px solid var(--ink); font-weight: 600; }
  button.switch[aria-pressed="false"] { color: #5b5952; border-style: dashed; }
  label.range { display: grid; grid-template-columns: 1fr auto; flex: 1 1 12em; max-width: 24em; }
  .range input { grid-column: 1 / 3; width: 100%; min-height: 32px; margin: 0;
    accent-color: var(--first); }
  .number { font-variant-numeric: tabular-nums; }
  .choice { display: flex; flex-wrap: wrap; gap: 0 0.4em; align-items: center; }
  .choice label { display: inline-flex; gap: 0.35em; align-items: center; min-height: 44px;
    padding: 0 0.3em; cursor: pointer; }
  input[type="radio"] { width: 1.15em; height: 1.15em; margin: 0;
    accent-color: var(--first); }
  :focus-visible { outline: 3px solid var(--second); outline-offset: 2px; }
  .quiet { color: #5b5952; font-size: 0.93em; }
  @media print { .row, .quiet { display: none; } }
`;

// Puts a figure in place of the static picture in host.
export function show(host, { create }) {
  if (host.shadowRoot) return;
  const read = (name) => revive(host.querySelector(`script[data-${name}]`).textContent);
  const frame = new Frame(host, read("about"));
  frame.careful(() => create(frame, read("values")))();
}

class Frame {
  // look: the colours of deepbook.figures, { card, ink, colors }.
  constructor(host, { label, look }) {
    this.look = look;
    this.choices = 0;
    this.shadow = host.attachShadow({ mode: "open" });
    this.card = this.element("div", { class: "card", role: "group", "aria-label": label });
    const { card, ink, colors } = look;
    const properties = { card, ink, first: colors[0], second: colors[1] };
    for (const [name, color] of Object.entries(properties)) {
      this.card.style.setProperty(`--${name}`, color);
    }
    this.shadow.append(this.element("style", {}, STYLE), this.card);
  }

  // The action, but what fails in it brings the static picture back.
  careful(action) {
    return (...given) => {
      try {
        return action(...given);
      } catch (error) {
        this.failed = true;
        this.shadow.replaceChildren(document.createElement("slot"));
        console.error(error);
      }
    };
  }

  add(...elements) {
    this.card.append(...elements);
  }

  // An element with attributes and content; a function as attribute is a listener.
  element(tag, attributes = {}, ...content) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, this.careful(value));
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...content);
    return element;
  }

  row(...content) {
    return this.element("div", { class: "row" }, ...content);
  }

  // What stands side by side where there is room.
  side(...content) {
    return this.element("div", { class: "side" }, ...content);
  }

  button(text, click) {
    return this.element("button", { type: "button", click }, text);
  }

  // A slider with its value as text beside its label.
  range({ label, min, max, step = 1, value, text = String, change }) {
    const shown = this.element("span", { class: "number", "aria-hidden": "true" });
    const input = this.element("input", {
      type: "range",
      min,
      max,
      step,
      value,
      input: () => {
        tell();
        change(Number(input.value));
      },
    });
    const tell = () => {
      shown.textContent = text(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    tell();
    return this.element("label", { class: "range" }, label, shown, input);
  }

  // One of several, each { value, text, hears }, hears being what a screen reader says if that is
  // not text. title: an element or a text to show before them.
  choice({ label, title = label, options, value, change }) {
    const name = `choice-${++this.choices}`; // radio buttons are a group within one figure
    const inputs = options.map((one) =>
      this.element(
        "label",
        {},
        this.element("input", {
          type: "radio",
          name,
          "aria-label": one.hears,
          checked: one.value === value,
          change: () => change(one.value),
        }),
        one.text,
      ),
    );
    const group = { class: "choice", role: "radiogroup", "aria-label": label };
    return this.element("div", group, this.element("span", { class: "title" }, title), ...inputs);
  }

  // A line that screen readers read out when it changes.
  status(text = "") {
    return this.element("p", { class: "quiet", role: "status" }, text);
  }

  // A picture that draw(context, width, height) paints, in CSS pixels, sharp on every screen.
  // height: a number, or a function of the width. label: what is to be seen; a function if it
  // changes. Returns the element; its method redraw() paints again.
  canvas({ label, height, draw, ...attributes }) {
    const canvas = this.element("canvas", { role: "img", ...attributes });
    const context = canvas.getContext("2d");
    let [width, tall, density] = [0, 0, 1];
    canvas.redraw = this.careful(() => {
      if (this.failed || !width) return;
      canvas.setAttribute("aria-label", typeof label === "function" ? label() : label);
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, tall);
      context.font = `13px ${getComputedStyle(canvas).fontFamily}`;
      draw(context, width, tall);
    });
    const measure = this.careful(() => {
      width = canvas.clientWidth;
      tall = typeof height === "function" ? height(width) : height;
      density = window.devicePixelRatio || 1;
      canvas.style.height = `${tall}px`;
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(tall * density);
      canvas.redraw();
    });
    new ResizeObserver(measure).observe(canvas);
    return canvas;
  }

  // Calls advance() so many times a second while the figure is in sight and wanted to run.
  // Returns a row of buttons to run, to stop and to take one step. Where little motion is asked
  // for only steps are left.
  clock({ advance, draw, perSecond, starts = true }) {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    let [wanted, seen, before, owed, request] = [starts, false, 0, 0, 0];
    const run = this.button("Pause", () => {
      wanted = !wanted;
      update();
    });
    const once = this.button("One step", () => {
      wanted = false;
      update();
      advance();
      draw();
    });
    const why = this.element("span", { class: "quiet" });
    const tick = this.careful((now) => {
      // after a gap the clock does not catch up
      owed += (Math.min(now - before, 200) * perSecond()) / 1000;
      before = now;
      const steps = Math.floor(owed);
      owed -= steps;
      for (let i = 0; i < steps; i++) advance();
      if (steps) draw();
      request = this.failed ? 0 : requestAnimationFrame(tick);
    });
    const update = () => {
      const running = wanted && seen && !still.matches && !this.failed;
      run.textContent = wanted && !still.matches ? "Pause" : "Run";
      run.disabled = still.matches;
      why.textContent = still.matches ? "Your system asks for little motion." : "";
      this.card.dataset.running = running;
      if (running && !request) {
        before = performance.now();
        request = requestAnimationFrame(tick);
      } else if (!running) {
        cancelAnimationFrame(request);
        request = 0;
      }
    };
    still.addEventListener("change", update);
    new IntersectionObserver((entries) => {
      seen = entries[entries.length - 1].isIntersecting;
      update();
    }).observe(this.card);
    update();
    return this.row(run, once, why);
  }
}
