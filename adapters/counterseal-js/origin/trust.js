/** Trust: the service keys that an origin has pinned. */

import { Refused } from "../wire/errors.js";
import { readJson } from "../wire/ijson.js";
import { readKeySet } from "../wire/keys.js";
import { verifyReceipt } from "../wire/receipt.js";
import { verifyUseReceipt } from "../wire/use_receipt.js";
import { demandFit, EvidenceRefused, Unfit } from "./errors.js";

const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/**
 * The service keys whose receipts are proof.
 *
 * Take them from a source that you trust, such as the operator, and never from a reply that they
 * are to prove.
 */
export class Trust {
  #trusted;

  /** @param {import("../wire/receipt.js").TrustedKeys} trusted */
  constructor(trusted) {
    const { keys, thumbprint } = trusted;
    const some = keys !== undefined ? keys.length > 0 : THUMBPRINT.test(thumbprint);
    demandFit(some, "no service key is trusted: every receipt would be unproven");
    this.#trusted = trusted;
  }

  /**
   * Trust the keys of a JWK Set: its parsed JSON, or its text.
   *
   * @param {unknown} document
   * @returns {Promise<Trust>}
   * @throws {Unfit} It is no JWK Set, or has an unfit key.
   */
  static async jwks(document) {
    try {
      const set = typeof document === "string" ? readJson(document) : document;
      return new Trust({ keys: await readKeySet(set) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Unfit(`no JWK Set: ${error.code}`, { cause: error });
    }
  }

  /**
   * Trust the key with this thumbprint (RFC 7638).
   *
   * @param {string} thumbprint
   * @returns {Trust}
   * @throws {Unfit} It is no thumbprint.
   */
  static thumbprint(thumbprint) {
    return new Trust({ thumbprint });
  }

  /**
   * Verify a receipt that one of these keys signed.
   *
   * @param {string} receipt
   * @returns {Promise<import("../wire/receipt.js").Receipt>}
   * @throws {EvidenceRefused} It is not consistent, or another key signed it.
   */
  async verifyReceipt(receipt) {
    return this.#verify(verifyReceipt, receipt);
  }

  /**
   * Verify a use receipt that one of these keys signed.
   *
   * It proves that an approval was used, and which one: compare `challenge` and `action` with your
   * own records.
   *
   * @param {string} receipt `use.receipt` of what `consume` returned.
   * @returns {Promise<import("../wire/use_receipt.js").UseReceipt>}
   * @throws {EvidenceRefused} It is not consistent, or another key signed it.
   */
  async verifyUseReceipt(receipt) {
    return this.#verify(verifyUseReceipt, receipt);
  }

  /**
   * @template T
   * @param {(receipt: string, trusted: import("../wire/receipt.js").TrustedKeys) => Promise<T>} verify
   * @param {string} receipt
   * @returns {Promise<T>}
   */
  async #verify(verify, receipt) {
    try {
      return await verify(receipt, this.#trusted);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new EvidenceRefused(`receipt: ${error.code}`, { cause: error });
    }
  }
}
