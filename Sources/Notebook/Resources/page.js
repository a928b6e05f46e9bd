"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, scope = document) => [...scope.querySelectorAll(selector)];
  const make = (name, properties = {}, attributes = {}) => {
    const element = Object.assign(document.createElement(name), properties);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // Theme: automatic, light, dark.
  const themes = ["auto", "light", "dark"];
  const recall = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private */ } };
  const themeButton = make("button", { type: "button", className: "theme" });
  const setTheme = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    const [sign, word] = { auto: ["◐", "Auto"], light: ["○", "Light"], dark: ["●", "Dark"] }[theme];
    themeButton.replaceChildren(sign, " ", make("span", { textContent: word }));
    themeButton.setAttribute("aria-label", `Colours: ${theme}`);
  };
  let theme = themes.includes(recall()) ? recall() : "auto";
  setTheme(theme);
  themeButton.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    setTheme(theme);
    remember(theme);
  });
  document.querySelector(".masthead")?.append(themeButton);

  // A link into something folded unfolds it.
  const reveal = () => {
    let target = null;
    try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { /* not ours */ }
    if (!target) return;
    const panel = target.closest(".panel");
    if (panel?.hidden) panel.dispatchEvent(new Event("choose"));
    for (let part = target; part; part = part.parentElement) {
      if (part.tagName === "DETAILS") part.open = true;
    }
    // Sizes of what is off screen are estimates, so a smooth way there would miss.
    target.scrollIntoView({ behavior: "instant" });
  };
  addEventListener("hashchange", reveal);

  // On narrow screens the contents would push the text away.
  const contents = document.querySelector(".contents details");
  if (contents && !matchMedia("(min-width: 82rem)").matches) contents.open = false;

  // Tables: sort by a click on a column's name; long ones unfold.
  const order = (row, index) => {
    const cell = row.cells[index];
    return cell?.dataset.sort !== undefined ? Number(cell.dataset.sort) : cell?.textContent ?? "";
  };
  const compare = (one, other) => {
    if (typeof one === typeof other) {
      return typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
    }
    return typeof one === "number" ? -1 : 1;
  };
  const sortable = (table) => {
    const visible = Number(table.dataset.visible);
    all("thead th", table).forEach((header, index) => {
      const button = make("button", { type: "button" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const down = header.getAttribute("aria-sort") === "ascending";
        all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => ({ row, key: order(row, index) }));
        keyed.sort((one, other) => (down ? -1 : 1) * compare(one.key, other.key));
        keyed.forEach(({ row }, place) => row.classList.toggle("more", place >= visible));
        body.append(...keyed.map(({ row }) => row));
      });
    });
  };
  const unfold = (button) => button.addEventListener("click", () => {
    document.getElementById(button.getAttribute("aria-controls"))?.classList.add("all");
    button.remove();
  });

  // Panels of a matrix: one at a time, with arrow keys.
  const tabbed = (strip) => {
    const panels = [...strip.children].filter((child) => child.classList.contains("panel"));
    const tabs = make("div", { className: "tabs" }, { role: "tablist", "aria-label": strip.dataset.label });
    const buttons = panels.map((panel, index) => {
      const button = make("button", { type: "button", textContent: panel.dataset.name, id: `${panel.id}-tab` },
        { role: "tab", "aria-controls": panel.id });
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      button.addEventListener("click", () => choose(index));
      panel.addEventListener("choose", () => choose(index));
      return button;
    });
    const choose = (chosen) => panels.forEach((panel, index) => {
      panel.hidden = index !== chosen;
      buttons[index].setAttribute("aria-selected", String(index === chosen));
      buttons[index].tabIndex = index === chosen ? 0 : -1;
    });
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
      choose(next);
      buttons[next].focus();
    });
    tabs.append(...buttons);
    strip.prepend(tabs);
    choose(0);
  };

  // Formulas and code, where their libraries are in the page.
  const typeset = (scope) => {
    if (!window.katex) return;
    all(".math:not(.drawn)", scope).forEach((span) => {
      const display = span.classList.contains("display");
      const tex = span.textContent.slice(display ? 2 : 1, display ? -2 : -1);
      try {
        katex.render(tex, span, { displayMode: display, throwOnError: true, trust: false, strict: "ignore" });
        span.classList.add("drawn");
      } catch { span.title = "KaTeX can't read this formula"; }
    });
  };
  const highlight = (scope) => {
    if (!window.hljs) return;
    hljs.configure({ hideUpgradeWarningAcceptNoSupportOrSecurityUpdates: true });
    all("pre code[class*='language-']:not(.hljs)", scope).forEach((block) => {
      const language = block.className.replace(/^.*language-(\S+).*$/, "$1").toLowerCase();
      if (hljs.getLanguage(language)) hljs.highlightBlock(block);
    });
  };

  // Figures wake up when they come into view; nothing is ever loaded.
  const refuse = () => Promise.reject(new Error("this page loads nothing"));
  const loader = { load: refuse, http: refuse, file: refuse, sanitize: refuse };
  const specification = async (script) => {
    if (script.type === "application/json") return JSON.parse(script.textContent);
    const bytes = Uint8Array.from(atob(script.textContent), (character) => character.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(unpacked).text());
  };
  // What Vega thinks of a figure is for who makes it; the console of who reads it stays empty.
  const { warn } = console;
  let hushing = 0;
  const hushed = async (work) => {
    hushing += 1;
    console.warn = () => {};
    try { return await work(); } finally {
      hushing -= 1;
      if (!hushing) console.warn = warn;
    }
  };
  const wake = async (figure) => {
    const drawing = figure.querySelector(".drawing");
    const picture = [...drawing.childNodes];
    const paper = drawing.classList.contains("paper");
    try {
      const spec = await specification(figure.querySelector("script"));
      delete spec.usermeta;
      const stage = make("div", { hidden: false });
      stage.style.cssText = "position:absolute;visibility:hidden";
      drawing.append(stage);
      delete spec.$schema;
      const { view } = await hushed(() => vegaEmbed(stage, spec, {
        mode: "vega-lite", ast: true, loader, actions: false, renderer: paper ? "canvas" : "svg",
        config: figureThemes[paper ? "paper" : "page"], tooltip: { theme: "custom" }, logLevel: 1,
      }));
      stage.style.cssText = "";
      picture.forEach((node) => node.remove());
      figure.classList.add("awake");
      await view.runAsync();
    } catch {
      // The picture says the same.
      drawing.replaceChildren(...picture);
    }
  };
  const watch = new IntersectionObserver((entries) => entries.forEach((entry) => {
    if (!entry.isIntersecting) return;
    watch.unobserve(entry.target);
    wake(entry.target);
  }), { rootMargin: "200px" });

  // The contents follow the reader.
  let spy;
  const follow = () => {
    spy?.disconnect();
    const links = new Map(all(".contents a").map((link) => [link.hash.slice(1), link]));
    if (!links.size) return;
    spy = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      links.get(encodeURIComponent(entry.target.id))?.setAttribute("aria-current", "true");
    }), { rootMargin: "0px 0px -75% 0px" });
    links.forEach((_, id) => {
      const heading = document.getElementById(decodeURIComponent(id));
      if (heading) spy.observe(heading);
    });
  };

  // Brings a part of the page to life; a page that changes does so with every new part.
  const enliven = (scope) => {
    all("table.data", scope).forEach(sortable);
    all(".show-rows", scope).forEach(unfold);
    all(".strip", scope).forEach(tabbed);
    typeset(scope);
    highlight(scope);
    if (window.vegaEmbed) all("figure.interactive", scope).forEach((figure) => watch.observe(figure));
  };
  window.notebookPage = {
    enliven, follow, highlight, reveal, themeButton, typeset, wakeSoon: (figure) => watch.observe(figure),
  };

  // A live page does this itself, part by part.
  if (document.body.classList.contains("live")) return;
  enliven(document);
  follow();
  reveal();
})();
