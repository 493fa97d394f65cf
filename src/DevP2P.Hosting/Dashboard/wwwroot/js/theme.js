// Light or dark, before anything is drawn: not a module, so that the browser waits for it. "system" follows the system.
(() => {
  const key = "devp2p.theme";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return localStorage.getItem(key) ?? "system";
    } catch {
      return "system"; // No storage: the choice is for this page alone.
    }
  };
  let choice = read();

  function apply() {
    document.documentElement.dataset.theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.dispatchEvent(new Event("themechange"));
  }

  dark.addEventListener("change", apply);
  apply();

  const next = { system: "light", light: "dark", dark: "system" };
  globalThis.devp2pTheme = {
    get choice() { return choice; },
    toggle() {
      choice = next[choice] ?? "system";
      try {
        localStorage.setItem(key, choice);
      } catch {
        // As above.
      }
      apply();
    },
  };
})();
