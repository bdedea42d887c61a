package rotation

// CallDueText is the statement, for a test of its plan.
const CallDueText = callDue
