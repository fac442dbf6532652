// Focus a field that was just drawn, and select its text. Retries for a second while the field is not there yet.
export default function ({ data }) {
  const focus = (tries) => {
    const field = document.querySelector(`.st-key-${data.key} input`);
    if (field) {
      field.focus();
      field.select();
    } else if (tries) {
      setTimeout(() => focus(tries - 1), 50);
    }
  };
  if (data?.key) focus(20);
}
