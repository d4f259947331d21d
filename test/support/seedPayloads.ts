// Flagsmith's documentation of its web hooks, "Web Hooks": the two example payloads, as they are there.

/** The body of an environment web hook; the comment after `changed_by` is left out. */
export const seedFlagUpdatedBody = {
  data: {
    changed_by: 'user@domain.com',
    new_state: {
      enabled: true,
      environment: {
        id: 23,
        name: 'Development',
      },
      feature: {
        created_date: '2021-02-10T20:03:43.348556Z',
        default_enabled: false,
        description: 'Show html in a butter bar for certain users',
        id: 7168,
        initial_value: null,
        name: 'butter_bar',
        project: {
          id: 12,
          name: 'Flagsmith Website',
        },
        type: 'CONFIG',
      },
      feature_segment: null,
      feature_state_value: '<strong>\nYou are using the develop environment.\n</strong>',
      identity: null,
      identity_identifier: null,
    },
    previous_state: {
      enabled: false,
      environment: {
        id: 23,
        name: 'Development',
      },
      feature: {
        created_date: '2021-02-10T20:03:43.348556Z',
        default_enabled: false,
        description: 'Show html in a butter bar for certain users',
        id: 7168,
        initial_value: null,
        name: 'butter_bar',
        project: {
          id: 12,
          name: 'Flagsmith Website',
        },
        type: 'CONFIG',
      },
      feature_segment: null,
      feature_state_value: '<strong>\nYou are using the develop environment.\n</strong>',
      identity: null,
      identity_identifier: null,
    },
    timestamp: '2021-06-18T07:50:26.595298Z',
  },
  event_type: 'FLAG_UPDATED',
};

/** Its data, as spec.flagUpdated has it. */
export const seedFlagUpdated = seedFlagUpdatedBody.data;

/** The body of an audit log web hook, as spec.auditLog has it. */
export const seedAuditLog = {
  created_date: '2020-02-23T17:30:57.006318Z',
  log: 'New Flag / Remote Config created: my_feature',
  author: {
    id: 3,
    email: 'user@domain.com',
    first_name: 'Kyle',
    last_name: 'Johnson',
  },
  environment: null,
  project: {
    id: 6,
    name: 'Project name',
    organisation: 1,
  },
  related_object_id: 6,
  related_object_type: 'FEATURE',
};
