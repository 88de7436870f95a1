// Starts the live figure that this script stands in. Its modules are in the page as text; each
// gets an address of its own, and they import each other by it. Without scripts, or if anything
// fails, the static picture stays.
(async (host) => {
  const addresses = {};
  try {
    for (const script of host.querySelectorAll("script[data-module]")) {
      const source = script.textContent.replace(
        /^((?:import|export)\b[^;"]*?)"\.\/([\w-]+\.js)";/gm,
        (_, before, name) => `${before}"${addresses[name]}";`,
      );
      const file = new Blob([source], { type: "text/javascript" });
      addresses[script.dataset.module] = URL.createObjectURL(file);
    }
    const { show } = await import(addresses["frame.js"]);
    show(host, await import(addresses[host.dataset.deepbookLive]));
  } catch (error) {
    console.error(error);
  } finally {
    for (const address of Object.values(addresses)) URL.revokeObjectURL(address);
  }
})(document.currentScript.closest("[data-deepbook-live]"));
