// Live figures whose data lies in a file of its own (bookbuild.extensions.live_files): it loads
// when the reader comes near, and then the figure starts. A page that was opened from disk may
// not fetch, but may load scripts; so the data is one, and hands the text over as a property of
// itself. Until then, and if anything fails, the figure's static picture stands there.
{
  const NEAR = "1200px"; // above and below: it is there before it is seen
  const asked = {}; // two figures with the same data load it once
  const load = (address) =>
    (asked[address] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = () => resolve(script.values);
      script.onerror = () => reject(new Error(`The data of a live figure is missing: ${address}`));
      script.src = address;
      document.head.append(script);
    }));

  const start = async (host) => {
    const values = host.querySelector("script[data-values]");
    try {
      values.textContent = await load(values.dataset.src);
    } catch (error) {
      console.error(error);
      return;
    }
    const script = document.createElement("script");
    script.textContent = host.querySelector("script[data-start]").textContent;
    host.append(script);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const watch = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          watch.unobserve(target);
          start(target);
        }
      },
      { rootMargin: `${NEAR} 0px` },
    );
    for (const values of document.querySelectorAll("script[data-values][data-src]")) {
      watch.observe(values.closest("[data-deepbook-live]"));
    }
  });
}
