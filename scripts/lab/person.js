// A person's MCP client and browser, in one: it knows the server's URL and nothing else, and signs in where that sends it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

/** Where the client would listen for the browser: nobody does, since the browser stops there. */
const callback = 'http://127.0.0.1:1/callback';
const mostSteps = 12;

/** Goes where it is sent, with the cookies that it was given, up to the callback; fills in the forms of oidc-provider on the way. */
class Browser {
  #cookies = new Map();

  constructor(fetch, login) {
    this.fetch = fetch;
    this.login = login;
  }

  async follow(start) {
    let at = new URL(start);
    let form;
    for (let step = 0; step < mostSteps; step += 1) {
      const answer = await this.#ask(at, form);
      const text = await answer.text();
      const next = answer.headers.get('location');
      form = next === null ? formIn(text, this.login) : undefined;
      if (next === null && form === undefined) throw new Error(`${at.href} says ${answer.status}: ${text}`);
      at = new URL(next ?? form.action, at);
      if (at.href.startsWith(callback)) return at.searchParams;
    }
    throw new Error('sent to and fro');
  }

  async #ask(at, form) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...(cookie === '' ? {} : { cookie }), 'content-type': 'application/x-www-form-urlencoded' };
    const sent = form === undefined ? { method: 'GET' } : { method: 'POST', body: form.body };
    const answer = await this.fetch(at.href, { ...sent, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.#cookies.set(name, value);
    }
    return answer;
  }
}

/** The one that asks who it is, or the one that asks whether the client may. */
function formIn(page, login) {
  const action = /<form [^>]*action="([^"]+)"/.exec(page)?.[1];
  const prompt = /name="prompt" value="([a-z]+)"/.exec(page)?.[1];
  if (action === undefined || prompt === undefined) return undefined;
  return {
    action,
    body: new URLSearchParams({ prompt, ...(prompt === 'login' ? { login, password: 'any' } : {}) }).toString(),
  };
}

/** What the MCP SDK asks of whoever uses it: it keeps things, and opens the browser. */
export class Person {
  redirectUrl = callback;
  clientMetadata = {
    ...{ client_name: 'a client of the tests', redirect_uris: [callback], token_endpoint_auth_method: 'none' },
    ...{ grant_types: ['authorization_code'], response_types: ['code'], application_type: 'native' },
  };
  /** The addresses where the browser was sent to sign in, each with its parameters. */
  asked = [];
  #kept = {};
  #browser;

  constructor(fetch, login) {
    this.#browser = new Browser(fetch, login);
  }

  state = () => randomUUID();
  clientInformation = () => this.#kept.client;
  saveClientInformation = (client) => this.#keep({ client });
  tokens = () => this.#kept.tokens;
  saveTokens = (tokens) => this.#keep({ tokens });
  codeVerifier = () => this.#kept.verifier;
  saveCodeVerifier = (verifier) => this.#keep({ verifier });

  #keep(more) {
    this.#kept = { ...this.#kept, ...more };
  }

  async redirectToAuthorization(url) {
    this.asked.push(url);
    const back = await this.#browser.follow(url);
    assert.equal(back.get('error'), null, back.get('error_description') ?? '');
    assert.equal(back.get('state'), url.searchParams.get('state'));
    assert.equal(back.get('iss'), url.origin);
    this.code = back.get('code');
  }
}
