// The server that a test is about: where it is, and the keys of people and applications on it. Pytest starts it.

import assert from "node:assert/strict";

export const server = JSON.parse(process.env.KEEPSAKE_TEST_SERVER);

/** Return the error with which a call fails. */
export async function refused(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail("this was not refused");
}

/** Wait until a question is answered with something true. */
export async function until(question) {
  const end = Date.now() + 30_000;
  while (!(await question())) {
    assert.ok(Date.now() < end, "this did not happen");
    await new Promise((done) => setTimeout(done, 20));
  }
}
