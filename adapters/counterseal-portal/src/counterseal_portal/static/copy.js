/** Buttons that copy a value to the clipboard. They are hidden where this does not run. */

const message = document.getElementById("copied");

for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  button.hidden = false;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copies ?? "");
      if (message) message.textContent = "It is copied.";
    } catch {
      if (message) message.textContent = "The browser does not let this page copy. Mark the text and copy it.";
    }
  };
  button.addEventListener("click", () => void copy());
}
