// Keeps a page in the colours of the page around it, or of the system.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let around = null;
  try {
    if (parent !== window) around = parent.document.documentElement;
  } catch { /* a file opened from disk may not look at the page around it */ }

  function follow() {
    const chosen = around?.dataset.theme;
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  }

  follow();
  system.addEventListener("change", follow);
  if (around) {
    const options = { attributes: true, attributeFilter: ["data-theme"] };
    new MutationObserver(follow).observe(around, options);
  }
})();
