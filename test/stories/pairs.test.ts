import { describe, expect, it } from '@jest/globals';
import { defineEvent, effectPort, EventStore } from 'handover';
import { createBus } from 'handover/legacy';
import 'handover/testing/jest';

class IssueReopened extends defineEvent<{ issue: number; by: string }>('IssueReopened') {}

/** What a mail server would have been told to send. */
class Mailer {
  readonly sent: string[] = [];
  send(to: string, text: string) {
    this.sent.push(`${to}: ${text}`);
  }
}

describe('the way of one listener out of the application', () => {
  it('goes through the shadow, a mismatch, a refusal, a fix and the cut-over, with no effect doubled or missed', async () => {
    const bus = createBus();
    const mailer = new Mailer();

    // #region port
    const mails = effectPort('mails', mailer); // both sides call `mails`, and nothing else
    // #endregion

    class AuthorNotifier {
      issue_reopened({ issue, by }: { issue: number; by: string }) {
        if (by !== 'author') mails.send('author', `#${issue} was reopened`);
      }
    }
    let isMended = false;
    class NotifyAuthor {
      handle({ data }: IssueReopened) {
        if (isMended && data.by === 'author') return;
        mails.send('author', `#${data.issue} was reopened`);
      }
    }

    // #region pair
    const notifier = new AuthorNotifier();
    bus.subscribe(notifier);

    const pair = bus.pair('notify-author', {
      event: IssueReopened,
      listener: [notifier, 'issue_reopened'],
      handler: NotifyAuthor,
      stage: 'shadow', // the listener performs, the handler is tried and compared
      gate: { runs: 20, days: 0 },
    });
    // #endregion

    const store = new EventStore();
    bus.connect(store, {
      events: {
        issue_reopened: {
          event: IssueReopened,
          stream: ({ issue }) => `Issue-${issue}`,
          args: ({ data }) => [data],
        },
      },
    });
    const issues = bus.publisher({});
    let reopened = 0;
    const reopen = async (times: number) => {
      for (let nth = 0; nth < times; nth += 1) {
        reopened += 1;
        issues.broadcast('issue_reopened', { issue: reopened, by: reopened % 5 === 0 ? 'author' : 'ann' });
      }
      await bus.settled();
    };

    await reopen(30);
    expect(mailer.sent).toHaveLength(24);

    // #region report
    const report = await pair.report();
    console.log(report.text);
    // #endregion
    expect(report.evidence.verdicts).toEqual({ match: 24, mismatch: 6 });
    expect(report.text).toContain('6 × mismatch');
    expect(report.text).toContain(
      'mails.send: listener nothing, handler {"kind":"call","port":"mails","method":"send","args":["author","#30 was reopened"]}',
    );
    await expect(expect(pair).toBeAtParity()).rejects.toThrow('6 × mismatch');
    await expect(pair.promote()).rejects.toMatchObject({ code: 'promotion_refused' });

    isMended = true;
    // #region promote
    pair.sabotage(3); // the next comparisons see planted faults, which the gate wants caught
    // #endregion
    await reopen(30);
    // #region live
    await pair.promote({ who: 'ann', percent: 50 }); // shadow → live for half of the streams
    // #endregion
    expect(pair.stage).toBe('live');
    pair.sabotage();
    await reopen(40);
    await pair.promote({ who: 'ann', percent: 100 });
    await reopen(10);
    await pair.promote({ who: 'ann', why: 'a quiet week', override: true });
    expect(pair.stage).toBe('handler');
    await reopen(10);

    const expected = Array.from({ length: reopened }, (_, nth) => nth + 1).filter((issue) => issue % 5 !== 0);
    expect(mailer.sent.toSorted()).toEqual(
      expected.map((issue) => `author: #${issue} was reopened`).toSorted(),
    );
    const moves = await store.read.stream('handover/notify-author').toArray();
    expect(moves.map(({ data }) => (data as { to: string; percent: number }).to)).toEqual([
      'live',
      'live',
      'handler',
    ]);

    // #region back
    await pair.demote({ to: 'shadow', who: 'ann', why: 'complaints' }); // at once, from any stage
    // #endregion
    await reopen(5);
    expect(pair.stage).toBe('shadow');
    await store.close();
  });

  it('begins with what the listener does differently each time, which masks then take out', async () => {
    const mails = effectPort('mails', { send: (_mail: object) => undefined });
    let sent = 0;
    const notifier = {
      issue_reopened({ issue }: { issue: number }) {
        sent += 1;
        mails.send({ subject: `#${issue} was reopened`, headers: { messageId: `<${sent}@mails>` } });
      },
    };
    const NotifyAuthor = ({ data }: IssueReopened) => notifier.issue_reopened(data);
    const events = { issue_reopened: { event: IssueReopened, args: ({ data }: IssueReopened) => [data] } };
    const store = new EventStore();
    const bus = createBus();
    bus.subscribe(notifier);

    // #region noise
    const pair = bus.pair('notify-author', {
      event: IssueReopened,
      listener: [notifier, 'issue_reopened'],
      handler: NotifyAuthor,
      stage: 'record', // the listener performs; nothing is compared yet
      noise: 20, // but for 20 events, the listener runs a second time, captured
    });
    // #endregion
    const disconnect = bus.connect(store, { events });
    for (let issue = 0; issue < 30; issue += 1)
      bus.publisher({}).broadcast('issue_reopened', { issue, by: 'ann' });
    await bus.settled();
    expect(sent).toBe(30 + 20);
    const { text } = await pair.report();
    expect(text).toBe(
      [
        'notify-author  record  nothing compared yet',
        '  ✓ recorded: 30 events stored, 0 broadcasts lost',
        '  noise: the listener ran 20 times of 20 against itself',
        '      mails.send › 0 › headers › messageId differed in 20',
        '    To compare without that, declare the pair with',
        "      masks: ['mails.send › 0 › headers › messageId'],",
      ].join('\n'),
    );
    disconnect();

    const masked = createBus();
    masked.subscribe(notifier);
    const next = masked.pair('notify-author', {
      event: IssueReopened,
      listener: [notifier, 'issue_reopened'],
      handler: NotifyAuthor,
      stage: 'shadow',
      // #region masks
      masks: ['mails.send › 0 › headers › messageId'], // `*` stands for any one part of a path
      // #endregion
    });
    masked.connect(store, { events });
    masked.publisher({}).broadcast('issue_reopened', { issue: 31, by: 'ann' });
    await masked.settled();
    await expect(next).toBeAtParity();
    await store.close();
  });
});
