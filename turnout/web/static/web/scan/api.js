// The server, as far as it can be reached.

/** Nobody answered, or nobody who could help now: the same may work later. */
export class AwayError extends Error {}

/** The server said no. */
export class RefusedError extends Error {
  /** @param {number} status @param {{code?: string, detail?: string}} problem */
  constructor(status, problem) {
    super(problem.detail ?? problem.code ?? String(status));
    this.status = status;
    this.code = problem.code ?? "";
  }
}

/** Tell whether a status says that the same may work later. */
const passes = (status) => status >= 500 || status === 429 || status === 408;

export class Api {
  /** @param {string} language @param {{token?: string, csrf?: string}} credentials a device's token, or who is signed in by a cookie */
  constructor(language, credentials = {}) {
    this.language = language;
    this.credentials = credentials;
  }

  #headers() {
    const { token, csrf } = this.credentials;
    const who = token ? { Authorization: `Bearer ${token}` } : csrf ? { "X-CSRFToken": csrf } : {};
    return { "Accept": "application/json", "Accept-Language": this.language, ...who };
  }

  /**
   * @param {string} method @param {string} path @param {object} [body] @param {number} [patience] milliseconds
   * @returns {Promise<any>} AwayError, RefusedError
   */
  async call(method, path, body, patience = 15_000) {
    const { answer, stop } = await this.#ask(method, path, body, patience);
    try {
      const content = answer.status === 204 ? null : await answer.json();
      if (answer.ok) return content;
      throw new RefusedError(answer.status, content);
    } catch (error) {
      throw error instanceof RefusedError ? error : new AwayError(String(error)); // such as a hotel's page to sign in at
    } finally {
      stop();
    }
  }

  async #ask(method, path, body, patience) {
    const over = new AbortController();
    const clock = setTimeout(() => over.abort(), patience);
    const stop = () => clearTimeout(clock);
    const headers = this.#headers();
    if (body) headers["Content-Type"] = "application/json";
    const how = { method, headers, signal: over.signal, cache: /** @type {const} */ ("no-store") };
    // Who has a token shows no cookie beside it.
    const credentials = this.credentials.token ? /** @type {const} */ ("omit") : /** @type {const} */ ("same-origin");
    try {
      const answer = await fetch(path, { ...how, credentials, body: body && JSON.stringify(body) });
      if (passes(answer.status)) throw new AwayError(String(answer.status));
      return { answer, stop };
    } catch (error) {
      stop();
      throw error instanceof AwayError ? error : new AwayError(String(error));
    }
  }

  /** @param {string} path @param {number} [patience] */
  get(path, patience) {
    return this.call("GET", path, undefined, patience);
  }

  /** @param {string} path @param {object} body @param {number} [patience] */
  post(path, body, patience) {
    return this.call("POST", path, body, patience);
  }
}
