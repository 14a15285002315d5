// Keeps the numbers of an open page current: the server says that something changed, and
// the page asks for itself again and replaces the marked elements. Without it all works.
(() => {
  const marked = () => document.querySelectorAll("[data-live]");
  if (!marked().length || !window.EventSource) return;

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const element of marked()) {
      const fresh = page.querySelector(`[data-live="${element.dataset.live}"]`);
      if (fresh && fresh.innerHTML !== element.innerHTML) {
        element.replaceChildren(...fresh.childNodes);
        const tile = element.closest("li"), other = fresh.closest("li");
        if (tile && other) tile.className = other.className;
      }
    }
  };

  const source = new EventSource("/console/live");
  let first = true;
  source.addEventListener("changed", () => {
    if (!first) refresh();
    first = false;
  });
  addEventListener("pagehide", () => source.close());
})();

// An import of many rows goes on by itself; without this its button does the same.
document.querySelector("form[data-continue]")?.submit();
