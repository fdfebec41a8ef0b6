import assert from 'node:assert/strict';
import test from 'node:test';
import { createLab } from '../../../src/lab/index.js';
import { Party } from './fixtures/pair.js';

const limit = { timeout: 60_000 };
const STEP = 2000;

for (const program of ['moleculer', 'socket.io']) {
  test(`${program}: 64 calls in flight and a plane cut`, limit, async (context) => {
    const lab = await createLab({ hosts: 2 });
    context.after(() => lab.close());
    const called = await Party.start(lab, program, 2);
    const caller = await Party.start(lab, program, 1, 2);
    await caller.ask({ until: STEP });
    // Both planes in turn, so that one of the cuts is of the primary path.
    for (const plane of lab.planes) {
      const { answered } = await caller.ask('redundant');
      lab.cut('link-down', plane, 2);
      await caller.ask({ until: answered + STEP });
      lab.heal();
      await caller.ask({ until: answered + 2 * STEP });
    }
    const ours = await caller.ask('stop');
    const theirs = await called.ask('tally');
    assert.deepEqual(ours.failures, []);
    assert.equal(ours.answered, ours.sent);
    assert.equal(theirs.handled, ours.sent);
    assert.equal(theirs.doubled, 0);
    assert.deepEqual([...ours.gone, ...theirs.gone], []);
  });
}
