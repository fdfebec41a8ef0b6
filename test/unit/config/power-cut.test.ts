import assert from 'node:assert/strict';
import test from 'node:test';
import { missingPackages, runGuest } from '../../../src/lab/guest/guest.js';
import { SeededRandom } from '../../../src/testing/random.js';
import { withoutFlush } from '../../crash/power-cuts.js';
import { PowerSubject } from '../../crash/power-subject.js';
import { type Mutant, mutate } from '../../sim/mutants.js';
import { temporary } from './disk-store.js';

const WRITES = 30;

/** Cuts the power after some writes, so many times. */
async function cut(
  count: number,
  mutant: Mutant | null,
): Promise<{ lost: number; what: string[] }> {
  const { folder, remove } = temporary();
  const overlay = mutant === null ? null : mutate(mutant);
  const subject = new PowerSubject(folder, 2, new SeededRandom(1), overlay);
  const found = { lost: 0, what: [] as string[] };
  try {
    await subject.prepare();
    for (let at = 0; at < count; at++) {
      const victim = subject.start();
      await victim.recovered;
      await victim.afterWrites(WRITES);
      await victim.kill();
      const { lost, findings } = await subject.look();
      found.lost += lost;
      found.what.push(...findings);
    }
    return found;
  } finally {
    await subject.close();
    remove();
  }
}

if (missingPackages().length > 0) {
  test('where there is no guest, there is none whose power can be cut', async () => {
    await assert.rejects(runGuest({ argv: ['/bin/true'] }), { code: 'ERR_LAB' });
  });
} else {
  test('a power cut loses nothing that was acknowledged', async () => {
    assert.deepEqual(await cut(2, null), { lost: 0, what: [] });
  });

  test('without the flush it does', async () => {
    const { lost } = await cut(1, withoutFlush);
    assert.ok(lost > 0);
  });
}
