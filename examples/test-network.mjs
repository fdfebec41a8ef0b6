import assert from 'node:assert/strict';
import test from 'node:test';
import { createTestNetwork } from 'backplane/testing';

/** The program under test: it asks a node for a price, and remembers the last one. */
class Prices {
  last = null;

  constructor(node, from) {
    this.node = node;
    this.from = from;
  }

  async ask() {
    try {
      this.last = await this.node.call(this.from, 'price', null, { deadlineMs: 1000 });
    } catch (error) {
      if (error.code !== 'ERR_NO_LINK' && error.code !== 'ERR_LINK_DOWN') throw error;
    }
    return this.last;
  }
}

test('a dead plane changes nothing; a dead shop leaves the last price', async () => {
  const network = createTestNetwork({ planes: ['a', 'b'], time: 'virtual' });
  const shop = await network.node('shop@h1');
  const client = await network.node('client@h2');
  await network.linked();

  let price = 10;
  shop.handle('price', () => price);
  const prices = new Prices(client, 'shop@h1');
  assert.equal(await network.until(prices.ask()), 10);

  network.cut('a');
  price = 11;
  assert.equal(await network.until(prices.ask()), 11);

  network.powerOff(shop);
  await network.advance(10_000); // ten seconds of the network, milliseconds of yours
  assert.equal(await network.until(prices.ask()), 11);
  await network.close();
});
