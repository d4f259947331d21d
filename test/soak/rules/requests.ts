import { SLACK_MILLISECONDS } from '../attempts.ts';
import { nameOf, timeOf, type Facts, type Rule } from '../facts.ts';

/** `POST` to the endpoint's URL, never following a redirect (api.md, The request). */
export const goesToTheUrl: Rule = ({ run }) => {
  const paths = new Set(run.endpoints.map(({ path }) => path));
  return run.requests
    .filter(({ method, path }) => method !== 'POST' || !paths.has(path))
    .map(
      ({ method, path, deliveryID, arrivedAt }) =>
        `${method} ${path} of ${deliveryID} at ${timeOf(arrivedAt)}`,
    );
};

/** Nothing is sent but the deliveries that events list, each to its own endpoint (api.md, FlagEvent). */
export const isListed: Rule = ({ run, deliveries }) => {
  const paths = new Map(deliveries.map(({ delivery, endpoint }) => [delivery.deliveryID, endpoint.path]));
  return run.requests
    .filter(({ deliveryID, path }) => paths.get(deliveryID) !== path)
    .map(({ deliveryID, path }) => `a request to ${path} for ${deliveryID}, which no event lists for it`);
};

/** Those bytes are signed and those bytes are sent, in every attempt the same (api.md, The request). */
export const hasSignedBody: Rule = ({ deliveries }) =>
  deliveries.flatMap(({ event, attempts }) =>
    attempts.flatMap((attempt) =>
      attempt.requests.flatMap(({ isSigned, body }) => [
        ...(body === event.body ? [] : [`${nameOf(attempt)} has another body than its event`]),
        ...(isSigned ? [] : [`${nameOf(attempt)} is not signed as it should be`]),
      ]),
    ),
  );

/** webhook-timestamp: seconds since 1970 of this attempt (api.md, The request). */
export const hasTimeOfAttempt: Rule = (facts) =>
  attemptsIn(facts)
    .filter(({ timestamp, arrivedAt }) => {
      const startedFrom = timestamp * 1000;
      return !(startedFrom <= arrivedAt && arrivedAt - startedFrom < 1000 + SLACK_MILLISECONDS);
    })
    .map((attempt) => `${nameOf(attempt)} has the webhook-timestamp ${timeOf(attempt.timestamp * 1000)}`);

/** timeoutSeconds: an attempt, from DNS to the end of the answer's header (api.md, WebhookEndpoint). */
export const endsInTime: Rule = (facts) =>
  attemptsIn(facts).flatMap((attempt) => {
    const { answer, arrivedAt, endedAt, endpoint } = attempt;
    const lasted = endedAt - arrivedAt;
    const limit = endpoint.timeoutSeconds * 1000;
    if (lasted > limit + SLACK_MILLISECONDS) return [`${nameOf(attempt)} lasted ${lasted} ms of ${limit}`];
    return answer === 'hang' && lasted < limit - SLACK_MILLISECONDS
      ? [`${nameOf(attempt)} was given up after ${lasted} ms of ${limit}`]
      : [];
  });

function attemptsIn({ endpoints }: Facts) {
  return endpoints.flatMap(({ attempts }) => attempts);
}
