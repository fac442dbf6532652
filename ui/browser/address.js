// Add the open chat to the address when the address names no chat. The entry in the browser's history is replaced,
// so the back button still leads where it did.
export default function ({ data }) {
  const address = new URL(location.href);
  if (!data?.chat || address.searchParams.has(data.name)) return;
  address.searchParams.set(data.name, data.chat);
  history.replaceState(history.state, "", address);
}
