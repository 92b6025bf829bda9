/** A Jest reporter: one last line on standard output, for people in a hurry and for machines. */
export default class TestSummary {
  onRunComplete(
    _,
    { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites },
  ) {
    // A file that could not even run hides its tests: it counts as a failure.
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    const skipped = numPendingTests + numTodoTests;
    const line = `tests: ${numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`;
    // Jest adds its own summary after every other reporter.
    process.once('exit', () => process.stdout.write(line));
  }
}
