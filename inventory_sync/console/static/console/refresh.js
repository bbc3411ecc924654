// Keeps the control room fresh without moving the page: the scroll position stays, also of wide tables. It rests
// while the page is hidden, while text is selected or a link has the focus, and says so when the hub is away.
(() => {
  const room = document.getElementById("control-room");
  const asOf = document.getElementById("control-room-as-of");
  if (!room || !asOf) return;
  const everyMs = Number(room.dataset.refreshS) * 1000;

  const isInUse = () =>
    document.hidden || room.contains(document.activeElement) || !document.getSelection().isCollapsed;

  async function refresh() {
    if (isInUse()) return;
    try {
      const answer = await fetch(location.href, { headers: { "X-Requested-With": "refresh" } });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("control-room");
      if (!fresh || isInUse()) return;
      const before = [...room.querySelectorAll(".console-scroll")].map((each) => each.scrollLeft);
      room.replaceChildren(...fresh.childNodes);
      room.querySelectorAll(".console-scroll").forEach((each, place) => (each.scrollLeft = before[place] || 0));
      asOf.textContent = next.getElementById("control-room-as-of").textContent;
      asOf.classList.remove("console-error");
    } catch {
      asOf.classList.add("console-error");
      if (!asOf.textContent.endsWith("; the hub does not answer")) asOf.textContent += "; the hub does not answer";
    }
  }
  setInterval(refresh, everyMs);
})();
