import { expect, test } from '@jest/globals';
import { TransportError } from '../../src/kube/transportError.ts';
import { refusalOf, type WriteRefusal } from '../../src/kube/writeRefusal.ts';
import { ApiError } from '../../src/runtime/apiError.ts';

test.each<[error: unknown, want: WriteRefusal]>([
  [new ApiError(409, 'Conflict', 'the object has been modified'), 'conflict'],
  [new ApiError(404, 'NotFound', 'flagevents.flagpost.dev "a" not found'), 'gone'],
  // The resource itself is missing: that says nothing about the object.
  [new ApiError(404, '', '404 page not found'), 'other'],
  [new ApiError(422, 'Invalid', 'status.deliveries: Too many'), 'invalid'],
  [new ApiError(413, 'RequestEntityTooLarge', 'limit is 3145728'), 'too large'],
  [new ApiError(500, '', 'etcdserver: request is too large'), 'too large'],
  [
    new ApiError(500, '', 'rpc error: trying to send message larger than max (2345678 vs. 2097152)'),
    'too large',
  ],
  [new ApiError(400, 'BadRequest', 'Request entity too large: limit is 3145728'), 'too large'],
  [new ApiError(400, 'BadRequest', 'the body can not be decoded'), 'other'],
  [new ApiError(403, 'Forbidden', 'may not'), 'forbidden'],
  [new ApiError(429, 'TooManyRequests', 'later'), 'other'],
  [new ApiError(500, 'InternalError', 'an error'), 'other'],
  [new ApiError(503, 'ServiceUnavailable', 'away'), 'other'],
  [new TransportError('no answer'), 'other'],
  [new Error('request is too large'), 'other'],
  [undefined, 'other'],
])('%p is %s', (error, want) => {
  expect(refusalOf(error)).toBe(want);
});
