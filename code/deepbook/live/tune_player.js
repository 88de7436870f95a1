// A score on a staff, and its tune played by a plucked string that is computed here. It sounds
// only when asked; whoever wants no sound sees the notes go by silently.
//
// A tune is { name, pitches, lengths, steps, signs, bars, ties, repeats, order, signature, meter }
// as tune_player.py tells.

const RATE = 22050;
const HARMONICS = 8;

// Frequency of a MIDI number in hertz.
export const frequency = (pitch) => 440 * 2 ** ((pitch - 69) / 12);

// What is heard: the notes in the order of playing, ties joined, each { pitch, length, note },
// note being the written one that it begins with.
export function heard({ pitches, lengths, ties, order }) {
  const played = [];
  let before;
  for (const note of order) {
    const pitch = pitches[note];
    if (before !== undefined && ties[before] && pitches[before] === pitch) {
      played[played.length - 1].length += lengths[note];
    } else {
      played.push({ pitch, length: lengths[note], note });
    }
    before = note;
  }
  return played;
}

// The sample behind the end of each note.
export function ends(notes, wholeNote, rate = RATE) {
  let seconds = 0;
  return notes.map(({ length }) => {
    seconds += length * wholeNote;
    return Math.floor(rate * seconds + 0.5 + 1e-6);
  });
}

// The wave of a tune, as deepbook.sequence.synthesize_tune computes it.
export function synthesize(notes, wholeNote, rate = RATE, decay = 3) {
  const behind = ends(notes, wholeNote, rate);
  const sound = new Float32Array(behind[behind.length - 1]);
  const fade = Math.max(1, Math.round(0.005 * rate));
  let begin = 0;
  let loudest = 1;
  notes.forEach(({ pitch }, i) => {
    const samples = behind[i] - begin;
    for (let place = 0; pitch !== null && place < samples; place++) {
      const t = place / rate;
      let value = 0;
      for (let k = 1; k <= HARMONICS && k * frequency(pitch) < rate / 2; k++) {
        const phase = 2 * Math.PI * k * frequency(pitch) * t;
        value += (Math.exp(-decay * k * t) / k) * Math.sin(phase);
      }
      value *= 0.5 * Math.min(1, place / fade, (samples - 1 - place) / fade);
      sound[begin + place] = value;
      loudest = Math.max(loudest, Math.abs(value));
    }
    begin = behind[i];
  });
  return loudest > 1 ? sound.map((value) => value / loudest) : sound;
}

// The bars of each line of a score that is so wide.
export function lines(barCount, width) {
  const each = Math.max(1, Math.min(4, Math.floor((width - 70) / 130)));
  const found = [];
  for (let bar = 0; bar < barCount; bar += each) {
    found.push({ first: bar, behind: Math.min(barCount, bar + each) });
  }
  return { each, found };
}

const GAP = 8; // between two lines of a staff
const LINE = 104; // from one staff to the next
const BOTTOM = 2; // the step of the lowest line, E4

class Score {
  constructor(tune, width) {
    this.tune = tune;
    this.lines = lines(tune.repeats.length, width);
    this.height = LINE * this.lines.found.length + 10;
    this.lead = 26 + 8 * tune.signature.length;
    this.barWidth = (width - this.lead - 12) / this.lines.each;
    this.width = width;
  }

  y(line, step) {
    return 30 + LINE * line + 4 * GAP - ((step - BOTTOM) * GAP) / 2;
  }

  // Where each note stands: { x, line, bar }.
  places() {
    const { bars, lengths } = this.tune;
    const total = new Map();
    bars.forEach((bar, i) => {
      total.set(bar, (total.get(bar) ?? 0) + lengths[i]);
    });
    let [now, before] = [0, -1];
    return bars.map((bar, i) => {
      if (bar !== before) now = 0;
      before = bar;
      const line = Math.floor(bar / this.lines.each);
      const left = this.lead + (bar - this.lines.found[line].first) * this.barWidth;
      const x = left + 18 + ((this.barWidth - 26) * now) / total.get(bar);
      now += lengths[i];
      return { x, line, bar };
    });
  }

  draw(context, { ink, colors }, current) {
    context.fillStyle = context.strokeStyle = ink;
    this.lines.found.forEach((bars, line) => {
      this.staff(context, bars, line);
    });
    this.places().forEach((place, i) => {
      const color = i === current ? colors[1] : ink;
      context.fillStyle = context.strokeStyle = color;
      this.note(context, i, place);
    });
  }

  staff(context, { first, behind }, line) {
    const end = this.lead + (behind - first) * this.barWidth;
    context.lineWidth = 1;
    for (let step = BOTTOM; step <= BOTTOM + 8; step += 2) {
      const y = Math.round(this.y(line, step)) + 0.5;
      stroke(context, [4, y], [end, y]);
    }
    clef(context, 6, this.y(line, BOTTOM + 2));
    const font = context.font;
    context.font = "15px serif";
    this.tune.signature.forEach(([step, sign], i) => {
      context.fillText(sign, 28 + 8 * i, this.y(line, step) + 5);
    });
    context.font = font;
    for (let bar = first; bar <= behind; bar++) {
      this.barLine(context, line, bar, first, behind);
    }
  }

  barLine(context, line, bar, first, behind) {
    const x = Math.round(this.lead + (bar - first) * this.barWidth) + 0.5;
    const [top, bottom] = [this.y(line, BOTTOM + 8), this.y(line, BOTTOM)];
    const repeats = this.tune.repeats;
    const ended = bar > first && repeats[bar - 1][1];
    const begins = bar < behind && repeats[bar][0];
    const ending = bar < behind ? repeats[bar][2] : 0;
    if (bar > first) stroke(context, [x, top], [x, bottom]);
    const dots = (at) => {
      for (const step of [BOTTOM + 3, BOTTOM + 5]) dot(context, at, this.y(line, step), 1.8);
    };
    if (ended || begins) {
      context.lineWidth = 3;
      stroke(
        context,
        [x + (begins && !ended ? -1 : 1), top],
        [x + (begins && !ended ? -1 : 1), bottom],
      );
      context.lineWidth = 1;
    }
    if (ended) dots(x - 6);
    if (begins) dots(x + 7);
    if (ending) context.fillText(`${ending}.`, x + 3, top - 10);
  }

  note(context, i, { x, line }) {
    const { steps, lengths, signs } = this.tune;
    const length = lengths[i];
    if (steps[i] === null) {
      context.fillRect(x - 4, this.y(line, BOTTOM + 5), 8, 4);
      return;
    }
    const y = this.y(line, steps[i]);
    context.lineWidth = 1;
    for (let step = BOTTOM - 2; step >= steps[i]; step -= 2) ledger(context, x, this.y(line, step));
    for (let step = BOTTOM + 10; step <= steps[i]; step += 2)
      ledger(context, x, this.y(line, step));
    const font = context.font;
    context.font = "15px serif";
    if (signs[i]) context.fillText(signs[i], x - 14, y + 5);
    context.font = font;
    context.beginPath();
    context.ellipse(x, y, 4.8, 3.6, -0.3, 0, 2 * Math.PI);
    context.lineWidth = 1.4;
    if (length >= 0.5) context.stroke();
    else context.fill();
    if (length < 1) this.stem(context, x, y, steps[i], length);
    // a dot makes a note half as long again
    if (isDotted(length)) dot(context, x + 8, y - 2, 1.5);
  }

  stem(context, x, y, step, length) {
    const up = step < BOTTOM + 4;
    const at = up ? x + 4.4 : x - 4.4;
    const end = up ? y - 26 : y + 26;
    context.lineWidth = 1.2;
    stroke(context, [at, y], [at, end]);
    for (let flag = 0; flag < flags(length); flag++) {
      const from = end + (up ? 6 : -6) * flag;
      context.lineWidth = 2;
      stroke(context, [at, from], [at + 6, from + (up ? 8 : -8)]);
    }
  }
}

const isPower = (value) => Math.abs(Math.log2(value) - Math.round(Math.log2(value))) < 1e-6;

// Whether a note is half as long again as a plain one: 3/8, 3/16.
export const isDotted = (length) => isPower(length / 3);

// How many flags a note of such a length has: an eighth one, a sixteenth two; of a dotted note and
// of a triplet's as many as the plain note has that it is written with.
export function flags(length) {
  let plain = 2 ** Math.floor(Math.log2(length) + 1e-9);
  if (isDotted(length)) plain = (2 * length) / 3;
  else if (isPower(1.5 * length)) plain = 1.5 * length;
  return Math.max(0, Math.round(Math.log2(0.25 / plain)));
}

function stroke(context, from, to) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

// A treble clef, curled round the line of G at y.
function clef(context, x, y) {
  context.lineWidth = 1.7;
  context.beginPath();
  context.moveTo(x + 9, y + 4);
  context.bezierCurveTo(x + 4, y + 6, x + 3, y - 4, x + 9, y - 5);
  context.bezierCurveTo(x + 17, y - 6, x + 18, y + 8, x + 9, y + 8.5);
  context.bezierCurveTo(x - 2, y + 9, x - 1, y - 6, x + 6, y - 13);
  context.bezierCurveTo(x + 14, y - 21, x + 14, y - 33, x + 9.5, y - 34);
  context.bezierCurveTo(x + 5, y - 34, x + 5, y - 22, x + 7, y - 14);
  context.lineTo(x + 11.5, y + 16);
  context.bezierCurveTo(x + 12, y + 22, x + 3, y + 22, x + 4, y + 17);
  context.stroke();
  context.lineWidth = 1;
}

function dot(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

const ledger = (context, x, y) => stroke(context, [x - 8, y], [x + 8, y]);

const time = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`;

export function create(frame, { tunes, wholeNote }) {
  let tune = tunes[0];
  let score;
  let current = -1;
  let running; // { silence(), request } while it plays
  const status = frame.status();
  const canvas = frame.canvas({
    label: () =>
      `Score of ${tune.name}, in ${tune.meter.join("/")}, ${tune.repeats.length} bars, ` +
      `${tune.pitches.length} notes.`,
    height: (width) => Math.max(...tunes.map((one) => new Score(one, width).height)),
    draw: (context, width) => {
      if (score?.tune !== tune || score.width !== width) score = new Score(tune, width);
      score.draw(context, frame.look, current);
    },
  });

  const play = frame.button("Play", () => (running ? stop() : start(true)));
  const follow = frame.button("Follow silently", () => (running ? stop() : start(false)));
  const tell = () => {
    play.textContent = running?.sounds ? "Stop" : "Play";
    follow.textContent = running && !running.sounds ? "Stop" : "Follow silently";
    play.disabled = running !== undefined && !running.sounds;
    follow.disabled = running?.sounds ?? false;
  };
  const stop = (said = "Stopped.") => {
    if (!running) return;
    running.silence();
    cancelAnimationFrame(running.request);
    running = undefined;
    current = -1;
    status.textContent = said;
    tell();
    canvas.redraw();
  };
  const start = (sounds) => {
    const notes = heard(tune);
    const behind = ends(notes, wholeNote).map((sample) => sample / RATE);
    const voice = sounds ? sounding(synthesize(notes, wholeNote)) : silent();
    running = { sounds, silence: voice.silence };
    const tick = frame.careful(() => {
      const now = voice.seconds();
      const i = behind.findIndex((end) => end > now);
      if (i < 0) {
        stop("The tune is over.");
        return;
      }
      if (notes[i].note !== current) {
        current = notes[i].note;
        canvas.redraw();
      }
      running.request = requestAnimationFrame(tick);
    });
    const length = time(behind[behind.length - 1]);
    status.textContent = `${sounds ? "Playing" : "Following"} ${tune.name}, ${length}.`;
    tell();
    tick();
  };
  new IntersectionObserver((entries) => {
    if (!entries[entries.length - 1].isIntersecting) stop();
  }).observe(canvas);

  frame.add(
    frame.row(
      frame.choice({
        label: "Tune",
        options: tunes.map((one, i) => ({ value: i, text: one.name })),
        value: 0,
        change: (value) => {
          stop();
          tune = tunes[value];
          status.textContent = "";
          canvas.redraw();
        },
      }),
    ),
    canvas,
    frame.row(play, follow),
    status,
  );
}

// A wave that begins to sound at once.
function sounding(wave) {
  const context = new AudioContext();
  const buffer = context.createBuffer(1, wave.length, RATE);
  buffer.copyToChannel(wave, 0);
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  const begin = context.currentTime;
  source.start(begin);
  return { seconds: () => context.currentTime - begin, silence: () => context.close() };
}

function silent() {
  const begin = performance.now();
  return { seconds: () => (performance.now() - begin) / 1000, silence: () => {} };
}
