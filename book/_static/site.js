// Sphinx's search shows an excerpt of each page that it finds, which a browser forbids to
// pages opened from disk: there it shows the titles alone.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

document.addEventListener("DOMContentLoaded", () => {
  // On a narrow screen the contents are a dialog: whoever follows a link wants to see its goal.
  const contents = document.querySelector("#pst-secondary-sidebar-modal");
  contents?.addEventListener("click", (event) => {
    if (event.target.closest("a")) contents.close();
  });
  // A menu closes when the reader turns elsewhere.
  const menus = document.querySelectorAll(".menu");
  const close = (event) => {
    for (const menu of menus) {
      if (event.key === "Escape" || !menu.contains(event.target)) menu.open = false;
    }
  };
  document.addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close(event));
  // The theme gives the buttons that unfold a chapter no name.
  for (const button of document.querySelectorAll(".bd-links summary")) {
    const chapter = button.closest("li").querySelector("a").textContent.trim();
    button.setAttribute("aria-label", `Pages of ${chapter}`);
  }
});

// What scrolls sideways can be scrolled by keyboard, too.
const SCROLLS = `.bd-article :is(pre, .output, .output > div, .formula, .formula-scroll,
  .pst-scrollable-table-container)`;
const letScroll = () => {
  for (const box of document.querySelectorAll(SCROLLS)) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

// Whoever follows a link into a fold wants to see its goal: a solution, or a claim in one.
const reveal = () => {
  const goal = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const solution = goal?.closest(".admonition.toggle-hidden");
  for (let fold = goal; fold; fold = fold.parentElement) {
    if (fold.matches("details")) fold.open = true;
  }
  if (!solution) return;
  solution.querySelector(".toggle-button").click();
  goal.scrollIntoView();
};

window.addEventListener("load", () => {
  // The buttons that unfold solutions are all called alike.
  for (const button of document.querySelectorAll(".admonition-title > .toggle-button")) {
    const title = button.parentElement.textContent.trim();
    button.setAttribute("aria-label", title.replace(/\s*#$/, "")); // the link to itself
  }
  reveal();
  window.addEventListener("hashchange", reveal);
  letScroll();
  window.addEventListener("resize", letScroll);
  document.addEventListener("toggle", letScroll, true);
  document.addEventListener("click", (event) => {
    if (event.target.closest(".admonition-title")) letScroll();
  });
});
