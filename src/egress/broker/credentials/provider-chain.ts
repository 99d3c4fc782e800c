// Of its own, to be loaded late: a package of CommonJS that is asked for by `import()` has no names in our bundle.
export { defaultProvider } from '@aws-sdk/credential-provider-node';
