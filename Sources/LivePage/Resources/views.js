"use strict";
// The views besides the notebook: what they show comes when it has been written.
(() => {
  const place = document.getElementById("view");
  const view = document.body.dataset.view;
  const query = location.search;
  const say = (name, text, role) => {
    const main = document.createElement("main");
    main.id = "content";
    const words = Object.assign(document.createElement("p"), { className: name, textContent: text });
    words.setAttribute("role", role);
    main.append(words);
    if (role === "status") {
      const bar = document.createElement("progress");
      bar.setAttribute("aria-label", text);
      main.append(bar);
    }
    place.replaceChildren(main);
  };
  const waiting = {
    changes: "Comparing the two runs…", runs: "Reading the runs…", lineage: "Following the artifacts…",
  };
  const fill = async () => {
    const response = await fetch(`/view/${view}${query}`).catch(() => null);
    const type = response?.headers.get("content-type") ?? "";
    if (!response) return say("view-problem", "The server does not answer.", "alert");
    if (!response.ok) return say("view-problem", await response.text(), "alert");
    if (type.startsWith("application/json")) return say("view-problem", (await response.json()).refusal, "alert");
    place.innerHTML = await response.text();
    notebookPage.enliven(place);
    enlivenChanges(place);
    const title = place.querySelector("h1")?.textContent;
    const target = new URLSearchParams(query).get("of");
    if (title) document.body.dataset.title = target ? `${title} of ${target}` : title;
    dispatchEvent(new Event("view-shown"));
    notebookPage.reveal();
  };
  // Fast answers need no word before them.
  const patience = setTimeout(() => say("view-wait", waiting[view], "status"), 300);
  fill().finally(() => clearTimeout(patience));
  // The list grows with every run; what is picked and typed stays.
  if (view === "runs") {
    addEventListener("run-over", async () => {
      const picked = [...place.querySelectorAll("input")].map((input) => [input.name, input.type === "radio" ? input.checked && input.value : input.value]);
      await fill();
      for (const [name, value] of picked) {
        if (!value) continue;
        const radio = place.querySelector(`input[type=radio][name="${name}"][value="${CSS.escape(value)}"]`);
        if (radio) radio.checked = true; else place.querySelector(`input:not([type=radio])[name="${name}"]`)?.setAttribute("value", value);
      }
    });
  }
})();
