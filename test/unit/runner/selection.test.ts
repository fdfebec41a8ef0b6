import assert from 'node:assert/strict';
import test from 'node:test';
import { SelectionError, selected } from '../../runner/selection.js';

const all = {
  unit: ['unit/config/tree.test.js', 'unit/sim/link.test.js'],
  lab: ['lab/config/masters.test.js', 'lab/node/cuts.test.js'],
};

test('all tests are run, those of a kind, or those whose paths hold a text', () => {
  assert.deepEqual(selected([], all), all);
  assert.deepEqual(selected(['--lab'], all), { unit: [], lab: all.lab });
  assert.deepEqual(selected(['--lab', '--unit'], all), all);
  assert.deepEqual(selected(['config/'], all), { unit: [all.unit[0]], lab: [all.lab[0]] });
  assert.deepEqual(selected(['unit/sim', 'cuts'], all), { unit: [all.unit[1]], lab: [all.lab[1]] });
});

test('what would leave out something that was asked for is refused', () => {
  const refused = (args: string[], message: RegExp) => {
    assert.throws(() => selected(args, all), { constructor: SelectionError, message });
  };
  refused(['unit/sym'], /^no test has in its path: unit\/sym$/);
  refused(['config/', 'unit/sym', 'cats'], /: unit\/sym, cats$/);
  refused(['--unit', 'cuts'], /^no unit test has in its path: cuts$/);
  refused(['--units'], /^unknown option --units$/);
});
