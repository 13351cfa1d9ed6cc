// The button beside a console block copies what a reader would type: no prompts, no outputs.
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.("[data-clipboard-target]");
    const code = button?.closest(".language-console")?.querySelector("code");
    if (!code) return;
    const typed = code.cloneNode(true);
    typed.querySelectorAll(".gp, .go").forEach((part) => part.remove());
    const lines = typed.textContent.split("\n").map((line) => line.trimEnd()).filter(Boolean);
    button.setAttribute("data-clipboard-text", `${lines.join("\n")}\n`);
  },
  true, // before the theme's own listener
);
