/** What a store must know of an object. Names and UIDs are the API server's; the resource version is opaque. */
export interface Identified {
  readonly metadata: {
    readonly uid: string;
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion: string;
  };
}
