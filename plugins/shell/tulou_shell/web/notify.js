// Desktop notifications for what arrives while nobody looks at the page.
import { follow } from "./open.js";
import { store } from "./store.js";

/** 'on', 'off', 'denied' or 'unknown' (the browser has none). */
export function notifications() {
  if (!("Notification" in globalThis)) return "unknown";
  return { granted: "on", denied: "denied", default: "off" }[Notification.permission];
}

/** Ask the person; resolves to the new state. */
export async function askForNotifications() {
  await Notification.requestPermission();
  return notifications();
}

/** Show one notification a conversation, replaced by the next. */
export function watchNotifications() {
  store.on("incoming", () => {
    if (notifications() !== "on" || (!document.hidden && document.hasFocus())) return;
    const line = store.sortedConversations.find((each) => each.unread > 0 && each.last && !each.last.outgoing);
    if (line === undefined) return;
    const shown = new Notification(store.nameOf(line.id), { body: line.last.body.slice(0, 200), tag: line.id });
    shown.onclick = () => {
      focus();
      follow(`tulou://chat/${encodeURIComponent(line.id)}`);
      shown.close();
    };
  });
}
