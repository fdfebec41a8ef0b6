import assert from 'node:assert/strict';
import test from 'node:test';
import { forControllers, toldError } from '../../../src/controller/between.js';
import type { MessageContext } from '../../../src/node/handling.js';

test('nobody but controllers is answered', () => {
  const handler = forControllers((body) => `did ${body}`);
  const from = (name: string) => ({ from: name }) as MessageContext;
  assert.equal(handler('it', from('controller@h1')), 'did it');
  for (const name of ['controllers@h1', 'worker@h1', 'controller']) {
    assert.throws(() => handler('it', from(name)), {
      code: 'ERR_FORBIDDEN',
      message: `${name} is no controller`,
    });
  }
});

test('what another controller tells of an error is one, whatever it is', () => {
  const read = (answer: unknown) => {
    const { code, message } = toldError(answer);
    return `${code} ${message}`;
  };
  const told = { code: 'ERR_WORKER_UNKNOWN', message: 'there is no worker a' };
  assert.equal(read(told), 'ERR_WORKER_UNKNOWN there is no worker a');
  assert.equal(read({ code: 'EPERM', message: 'not so' }), 'ERR_HANDLER not so');
  assert.equal(read(null), 'ERR_HANDLER undefined');
});
