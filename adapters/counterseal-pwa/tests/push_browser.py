"""A browser's push manager, faked: its subscriptions have real keys, which the test holds."""

import json

PUSH_MANAGER = """(subscriptions) => {
  const PLACE = "subscriptions made by the fake";
  const read = () => JSON.parse(localStorage.getItem(PLACE) ?? '{"made": 0, "key": null}');
  const write = (state) => localStorage.setItem(PLACE, JSON.stringify(state));
  const bytesOf = (text) => Uint8Array.fromBase64(text, { alphabet: "base64url" });
  const current = () => {
    const { made, key } = read();
    if (key === null) return null;
    return {
      ...subscriptions[made - 1],
      options: { userVisibleOnly: true, applicationServerKey: bytesOf(key).buffer },
      toJSON: () => subscriptions[made - 1],
      async unsubscribe() {
        write({ ...read(), key: null });
        return true;
      },
    };
  };
  PushManager.prototype.getSubscription = async () => current();
  PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly) throw new DOMException("not visible", "NotAllowedError");
    write({ made: read().made + 1, key: applicationServerKey });
    return current();
  };
}"""


def let_subscribe(page, url, browsers):
    """
    Let the pages of a context subscribe.

    Args:
        page: Of the context.
        url: Of the service, whose pages may notify.
        browsers: The keys of the subscriptions, one after another.
    """
    subscriptions = [json.loads(browser.subscription()) for browser in browsers]
    page.add_init_script(f"({PUSH_MANAGER})({json.dumps(subscriptions)})")
    page.context.grant_permissions(["notifications"], origin=url)
