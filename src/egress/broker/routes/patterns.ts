/** One name in a path: a model's, a file's. */
export const name = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/;
export const count = /^\d{1,4}$/;
/** Where a list goes on. */
const cursor = /^[\w.:=/+-]{1,200}$/;
export const listQuery = { before_id: cursor, after_id: cursor };
export const pageQuery = { pageSize: count, pageToken: cursor };
