export interface Initializer {
  readonly name: string;
}
