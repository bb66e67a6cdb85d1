// Follows addresses of the app's own scheme. Python decides where one leads; the page shows it.
import { go, goToPage } from "./route.js";
import { store } from "./store.js";
import { sentence } from "./sentence.js";

const PATIENCE = 10 * 60_000; // ms; somebody may have to sign in first

/** Open an address such as `tulou://app/log?level=debug`; resolves to what a function answered, if any. */
export async function open(url, outside = false) {
  return store.ask("ui.open", { url: String(url), outside }, PATIENCE);
}

/** As `open`, for somebody else's address; what is wrong with it is said on the page. */
export async function follow(url) {
  try {
    await open(url, true);
  } catch (fault) {
    store.say(sentence(fault));
  }
}

/** Show a place: ``{page, parameters}``. */
export async function present({ page, parameters = {} }) {
  const own = PLACES[page];
  if (own) await own(parameters);
  else goToPage(page, parameters);
}

store.hear("show", (place) => {
  present(place).catch((fault) => store.say(sentence(fault)));
});

// Python chooses among the open pages by which one is looked at.
function look() {
  if (store.line === "open") store.ask("page.looking", { visible: !document.hidden }).catch(() => {});
}

document.addEventListener("visibilitychange", look);
addEventListener("focus", look);
store.on("line", look);

const PLACES = {
  chats: () => go("chats"),
  chat: async ({ address }) => go("chats", (await store.open(address)).id),
  contacts: () => go("contacts"),
  contact: ({ address }) => go("contacts", address),
  settings: () => go("settings"),
};
