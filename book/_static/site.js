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
