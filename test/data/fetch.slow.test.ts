/** Fetching data sets from a server of this test: transfers that break off, servers that cannot resume, wrong sums, archives. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../lib/cli/program.js';
import { catalogue, type FetchedSet } from '../../lib/data/catalogue.js';
import { type FetchOptions, fetchDataset, fetchSet } from '../../lib/data/fetch.js';
import { FakeIo } from '../helpers/fake-io.js';
import { temporaryFolder } from '../helpers/temporary.js';

const root = temporaryFolder('fetch');
const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * i) & 255);

/** What the server does with a request for bytes from `from` on. */
type Serve = (response: ServerResponse, from: number | undefined, path: string) => void;
let server: Server;
let asked: (number | undefined)[] = [];
let serve: Serve;
let folders = 0;
let dir: string;

/** Sends the rest of a file, in full, or breaks off after `most` bytes. */
const send = (response: ServerResponse, from = 0, whole: Uint8Array = bytes, most = whole.length) => {
  const body = whole.subarray(from);
  const range = from > 0 ? { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': body.length, ...range });
  if (most >= body.length) response.end(body);
  else response.write(body.subarray(0, most), () => response.destroy());
};

beforeEach(async () => {
  asked = [];
  dir = join(root, String(folders++));
  server = createServer((request, response) => {
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
    asked.push(from === undefined ? undefined : Number(from));
    serve(response, from === undefined ? undefined : Number(from), request.url!);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const mirror = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`;
const one: FetchedSet = { url: 'http://localhost/', files: [{ name: 'a.gz', md5: md5(bytes) }] };
const get = (set = one, options: FetchOptions = {}) => fetchSet(set, dir, { mirror: mirror(), ...options });
const file = (name = 'a.gz') => md5(readFileSync(join(dir, name)));
const whole = md5(bytes);

describe('fetchDataset', () => {
  it('fetches files once, and tells how far it is', async () => {
    const paths: string[] = [];
    serve = (response, from, path) => {
      paths.push(path);
      send(response, from);
    };
    const told: unknown[] = [];
    expect(await get(one, { onProgress: (progress) => told.push(progress) })).toBe(dir);
    expect([file(), readdirSync(dir), paths]).toEqual([whole, ['a.gz'], ['/files/a.gz']]);
    expect(told.at(-1)).toEqual({ file: 'a.gz', bytes: bytes.length, total: bytes.length });
    await get();
    expect(asked).toEqual([undefined]);
    writeFileSync(join(dir, 'a.gz'), 'something else');
    await get();
    expect(file()).toBe(whole);
  });

  it('goes on where a transfer broke off', async () => {
    serve = (response, from) => send(response, from, bytes, 70_000);
    await get();
    expect(file()).toBe(whole);
    expect(asked[0]).toBeUndefined();
    expect(asked.length).toBeGreaterThan(2);
    for (const from of asked.slice(1)) expect(from).toBeGreaterThan(0);
  });

  it('goes on with what an earlier run left', async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'a.gz.part'), bytes.subarray(0, 123_456));
    serve = (response, from) => send(response, from);
    await get();
    expect([file(), asked, readdirSync(dir)]).toEqual([whole, [123_456], ['a.gz']]);
  });

  it('begins anew where the server cannot resume, or sends another part', async () => {
    for (const answer of [
      (response: ServerResponse) => send(response),
      (response: ServerResponse, from?: number) =>
        from === undefined
          ? send(response)
          : response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end('0123456789'),
      (response: ServerResponse, from?: number) =>
        from === undefined ? send(response) : response.writeHead(416).end(),
    ]) {
      rmSync(dir, { recursive: true, force: true });
      mkdirSync(dir);
      writeFileSync(join(dir, 'a.gz.part'), bytes.subarray(0, 99));
      serve = answer;
      await get();
      expect([file(), readdirSync(dir)]).toEqual([whole, ['a.gz']]);
    }
  });

  it('takes a server that does not tell the length', async () => {
    serve = (response) => {
      response.writeHead(200);
      response.write(bytes.subarray(0, 1000));
      response.end(bytes.subarray(1000));
    };
    const told: { total: number | undefined }[] = [];
    await get(one, { onProgress: (progress) => told.push(progress) });
    expect([file(), told[0]!.total]).toEqual([whole, undefined]);
  });

  it('refuses a wrong sum, and leaves nothing', async () => {
    serve = (response) => send(response, 0, bytes.toReversed());
    await expect(get()).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringMatching(
        /a\.gz: expected a file with the MD5 sum \w{32} but received one with \w{32}; it was deleted/,
      ),
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('says what the server answered, or that there is none', async () => {
    serve = (response) => response.writeHead(404).end('no such file');
    const refused = {
      code: 'ERR_NETWORK',
      message: expect.stringMatching(/files\/a\.gz: expected the file but .* 404/),
    };
    await expect(get()).rejects.toMatchObject(refused);
    expect([asked.length, readdirSync(dir)]).toEqual([1, []]);
    const none = get(one, { mirror: 'http://127.0.0.1:1/' });
    await expect(none).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('could not be fetched'),
    });
  });

  it('stops at the signal, and keeps what has arrived', async () => {
    const [stopping, reason] = [new AbortController(), new Error('enough')];
    serve = (response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 5000));
    };
    await expect(get(one, { signal: stopping.signal, onProgress: () => stopping.abort(reason) })).rejects.toBe(reason);
    expect(readFileSync(join(dir, 'a.gz.part')).length).toBeGreaterThan(0);
    expect(existsSync(join(dir, 'a.gz'))).toBe(false);
  });

  it('unpacks the files of an archive that belong to the set', async () => {
    const source = join(root, 'source');
    mkdirSync(join(source, 'deep'), { recursive: true });
    const held = { 'train.bin': bytes.subarray(0, 70_001), 'test.bin': bytes.subarray(0, 1024) };
    for (const [name, content] of Object.entries(held)) writeFileSync(join(source, 'deep', name), content);
    writeFileSync(join(source, 'deep', 'readme.html'), 'not wanted');
    const { stdout } = spawnSync('tar', ['--format=ustar', '-cf', '-', '-C', source, 'deep']);
    const archive = new Uint8Array(gzipSync(stdout));
    const set = (sizes: Record<string, number>): FetchedSet => ({
      url: '',
      files: [{ name: 'set.tar.gz', md5: md5(archive), holds: sizes }],
    });
    serve = (response, from) => send(response, from, archive);
    const good = set({ 'train.bin': 70_001, 'test.bin': 1024 });
    await get(good);
    expect(readdirSync(dir).toSorted()).toEqual(['test.bin', 'train.bin']);
    for (const [name, content] of Object.entries(held)) expect(file(name)).toBe(md5(content));
    await get(good);
    expect(asked).toHaveLength(1);
    await expect(get(set({ 'train.bin': 70_001, 'other.bin': 5 }))).rejects.toMatchObject({
      code: 'ERR_FORMAT',
      message: expect.stringMatching(/set.tar.gz: expected other.bin in the archive/),
    });
  });

  it('refuses wrong use', async () => {
    await expect(fetchDataset('mnits' as never)).rejects.toThrow(/did you mean 'mnist'/);
    for (const bad of ['ftp://a/b', 'nowhere', 'file:///etc'])
      await expect(get(one, { mirror: bad })).rejects.toThrow(RangeError);
    await expect(get(one, { mirror: 3 as never })).rejects.toThrow(TypeError);
    await expect(get(one, { dir: 3 as never })).rejects.toThrow(TypeError);
    await expect(get(one, { miror: '' } as never)).rejects.toThrow(/did you mean 'mirror'/);
  });
});

describe('the catalogue', () => {
  it('has a sum and an address for each file', () => {
    for (const { url, files } of Object.values<FetchedSet>(catalogue)) {
      expect(new URL(url).pathname).toMatch(/\/$/);
      for (const { md5 } of files) expect(md5).toMatch(/^[0-9a-f]{32}$/);
    }
  });
});

describe('steepest data fetch', () => {
  it('tells what went wrong with 1, and ends with 2 on wrong usage', async () => {
    serve = (response) => response.writeHead(404).end();
    const io = new FakeIo();
    expect(await runCommandLine(['data', 'fetch', 'mnist', '--dir', dir, '--mirror', mirror()], io)).toBe(1);
    expect(io.stderr).toMatch(/^error: ERR_NETWORK: fetchDataset: .*train-images-idx3-ubyte.gz: expected the file/);
    expect(await runCommandLine(['data', 'fetch', 'minst'], io)).toBe(2);
    expect(await runCommandLine(['data', 'get', 'mnist'], io)).toBe(2);
  });

  it('stops at SIGINT with 130', async () => {
    const io = new FakeIo();
    serve = () => io.interrupt?.();
    expect(await runCommandLine(['data', 'fetch', 'cifar10', '--dir', dir, '--mirror', mirror()], io)).toBe(130);
    expect(io.stdout).toBe('stopped; the same command goes on with what has arrived\n');
  });
});
