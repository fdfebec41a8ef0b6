import { randomBytes } from 'node:crypto';
import { startNode } from 'backplane';

// One address per plane. On two hosts: { a: '10.1.0.0/24', b: '10.2.0.0/24' }.
const planes = process.argv.length > 2 ? process.argv.slice(2) : ['127.0.0.1'];
const key = randomBytes(32); // on two hosts: keyFile, made by `npx backplane keygen`

const one = await startNode({ name: 'one@here', planes, port: 24101, key });
const two = await startNode({ name: 'two@here', planes, port: 24102, key });

one.on('path', ({ name, plane, state }) => console.log(`path to ${name} on ${plane}: ${state}`));
const greeted = new Promise((resolve) => two.handle('greeting', resolve));
two.handle('sum', (numbers) => numbers.reduce((sum, number) => sum + number, 0));

await one.connect({ name: 'two@here', addresses: planes, port: 24102 });
one.send('two@here', 'greeting', { text: 'hello' });
console.log('two heard', (await greeted).text);
console.log('two says', await one.call('two@here', 'sum', [1, 2, 3], { deadlineMs: 1000 }));

await Promise.all([one.close(), two.close()]);
