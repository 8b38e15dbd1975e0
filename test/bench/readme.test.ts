import { expect } from 'chai';
import { replaceBetween } from '../../bench/readme.js';

const marks = ['<!-- a -->', '<!-- /a -->'] as const;

describe('replaceBetween', () => {
  it('replaces what is between the marks, and nothing else', () => {
    const text = 'before\n<!-- a -->\nold\n<!-- /a -->\nafter\n';
    expect(replaceBetween(marks, text, 'new')).equal('before\n<!-- a -->\n\nnew\n\n<!-- /a -->\nafter\n');
  });

  it('changes nothing more the second time', () => {
    const once = replaceBetween(marks, '<!-- a --><!-- /a -->', 'new');
    expect(replaceBetween(marks, once, 'new')).equal(once);
  });

  it('refuses a text without both marks in order', () => {
    for (const text of ['', '<!-- a -->', '<!-- /a --><!-- a -->']) {
      expect(() => replaceBetween(marks, text, 'new'), text).throw(/missing or out of order/);
    }
  });
});
