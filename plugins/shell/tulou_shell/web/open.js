// Follows addresses of the app's own scheme. Python decides where one leads; the page shows it.
import { go, goToPage } from "./route.js";
import { store } from "./store.js";

/** Open an address such as `tulou://app/log?level=debug`; resolves to what a function answered, if any. */
export async function open(url, outside = false) {
  const { show, result = null } = await store.ask("ui.open", { url: String(url), outside });
  if (show) await present(show);
  return result;
}

/** Show a place: ``{page, parameters}``. */
export async function present({ page, parameters = {} }) {
  const own = PLACES[page];
  if (own) await own(parameters);
  else goToPage(page, parameters);
}

const PLACES = {
  chats: () => go("chats"),
  chat: async ({ address }) => go("chats", (await store.open(address)).id),
  contacts: () => go("contacts"),
  contact: ({ address }) => go("contacts", address),
  settings: () => go("settings"),
};
