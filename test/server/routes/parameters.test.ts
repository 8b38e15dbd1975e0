import { expect } from 'chai';
import { eventsQuery } from '../../../src/server/routes/events.js';
import { pageQuery, roundPath } from '../../../src/server/routes/parameters.js';

describe('whole numbers in paths and queries', () => {
  const largest = String(Number.MAX_SAFE_INTEGER);
  it('reach 2⁵³ − 1, and no further', () => {
    for (const text of ['0', '999999999', '1000000000', largest]) {
      expect(eventsQuery.parse({ since: text }).since).equal(Number(text));
      expect(pageQuery.parse({ from: text }).from).equal(Number(text));
      expect(roundPath.parse({ session: 's', round: text }).round).equal(Number(text));
    }
    for (const text of ['9007199254740992', '9007199254740993', '10000000000000000', '1e3', '01', '-1', '']) {
      expect(eventsQuery.safeParse({ since: text }).success, text).false;
      expect(roundPath.safeParse({ session: 's', round: text }).success, text).false;
    }
  });
});
