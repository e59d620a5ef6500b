/** A sealed secret: `v1.<kid>.<wrapped key>.<nonce>.<ciphertext>`; see `security/sealing.ts`. */
export type Sealed = string;
