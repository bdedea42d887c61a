package inventory

// The statements whose plans are tested.
const (
	WalkCredentials    = walkCredentials
	WalkDates          = walkDates
	CredentialsOf      = credentialsOf
	CredentialsByKey   = credentialsByKey
	ApplicationsByID   = applicationsByID
	ApplicationsByName = applicationsByName
	WalkApplications   = walkApplications
	ApplicationsOf     = applicationsOf
	CountEnding        = countEnding
	Foresee            = nextObjects
)
