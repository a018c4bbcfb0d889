// Watches one approval: goes on as soon as the person has approved, and says so if they have not.

const SECOND = 1000;
const page = document.querySelector("[data-counterseal-state]");

async function watch(state) {
  try {
    const response = await fetch("?state", { cache: "no-store", redirect: "error" });
    if (response.ok && (await response.json()).state !== state) {
      location.reload();
      return;
    }
  } catch {
    // The service is out of reach: the next second may bring it back.
  }
  setTimeout(watch, SECOND, state);
}

if (page !== null) {
  const state = page.dataset.countersealState;
  if (state === "PENDING") setTimeout(watch, SECOND, state);
  if (state === "APPROVED") document.querySelector("#counterseal-go-on").requestSubmit();
}
