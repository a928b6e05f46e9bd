"use strict";
// Figures of two runs: side by side, or in one: drawn on common axes where that was possible, else
// the later picture over the earlier one in grey.
window.enlivenChanges = (scope) => {
  scope.querySelectorAll(".figure-pair").forEach((pair) => {
    if (pair.querySelectorAll("figure:not(.both) .drawing > :is(svg, img)").length < 2) return;
    const isDrawn = pair.querySelector(".both") !== null;
    const tools = document.createElement("div");
    tools.className = "pair-tools";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Overlay";
    button.setAttribute("aria-pressed", "false");
    const label = document.createElement("label");
    label.hidden = true;
    const slider = Object.assign(document.createElement("input"),
      { type: "range", min: "0", max: "1", step: "0.05", value: "0.6" });
    slider.setAttribute("aria-label", "How much of the later figure shows");
    label.append("Before", slider, "After");
    slider.addEventListener("input", () => pair.style.setProperty("--share", slider.value));
    button.addEventListener("click", () => {
      const on = pair.classList.toggle("overlay");
      button.setAttribute("aria-pressed", String(on));
      label.hidden = !on || isDrawn;
    });
    tools.append(button, label);
    pair.before(tools);
  });
};
