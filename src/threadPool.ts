// Imported first, before anything uses libuv's pool: getaddrinfo may take half of its threads, and with the usual 4 two
// names that never answer would stop everyone's lookups.
process.env['UV_THREADPOOL_SIZE'] ??= '64';
