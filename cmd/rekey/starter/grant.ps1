#Requires -Version 7.2
#Requires -Modules Microsoft.Graph.Applications, Microsoft.Graph.Authentication, Az.Accounts, Az.Resources, Az.KeyVault
<#
Grants rekey what it needs in the tenant, and nothing more.

Run it once as an administrator. It needs the modules Microsoft.Graph and Az. Running it
again does no harm: what is there is kept.

  rekey-reader   reads applications, owners, dates of credentials, sign-in records; and lists the vaults
  rekey-writer   changes only applications that it owns, and puts secrets into the vaults

Both sign in with a certificate that is made here. The private keys stay in $Folder.
#>
$ErrorActionPreference = 'Stop'

$Folder = '{{.Folder}}'
$Vaults = @({{range $i, $v := .Vaults}}{{if $i}}, {{end}}'{{$v}}'{{end}}) # names of Key Vaults
$Apps = @({{range $i, $a := .Apps}}{{if $i}}, {{end}}'{{$a}}'{{end}}) # client ids of the applications that rekey should renew
$Principals = @() # client ids of the service principals whose own credentials rekey should renew, such as that of an enterprise application
$Certificates = $false # $true: the vaults also hold certificates that rekey renews, or make their key pairs (rotation.vaultPairs)
$Sites = @() # resource ids of App Services and function apps that read the vaults by reference: rekey asks them to read anew
$Keys = @() # resource ids of resource groups whose access keys rekey should renew (Storage, Service Bus, Event Hubs, Event Grid, Cosmos DB)
$ReadValues = $false # $true: the reader may also read values, to recognise them (readValues in rekey.yaml)

$GraphApi = '00000003-0000-0000-c000-000000000000' # Microsoft Graph
$ApplicationReadAll = '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30'
$AuditLogReadAll = 'b0afded3-3588-46d8-8b3d-9842eff778da'
$ApplicationReadWriteOwnedBy = '18a4783c-866b-4cc7-a460-3d5e5662c884'

Connect-MgGraph -NoWelcome{{if .Tenant}} -TenantId '{{.Tenant}}'{{end}} -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All'
Connect-AzAccount{{if .Tenant}} -Tenant '{{.Tenant}}'{{end}} | Out-Null

# The application of a name, made if it is not there, and its service principal.
function Get-RekeyApplication([string] $Name) {
    $app = Get-MgApplication -Filter "displayName eq '$Name'" | Select-Object -First 1
    if (-not $app) { $app = New-MgApplication -DisplayName $Name -SignInAudience AzureADMyOrg }
    $principal = Get-MgServicePrincipal -Filter "appId eq '$($app.AppId)'"
    if (-not $principal) { $principal = New-MgServicePrincipal -AppId $app.AppId }
    [pscustomobject]@{ Name = $Name; Application = $app; Principal = $principal }
}

# An application permission of Graph, with an administrator's consent.
function Grant-RekeyPermission($To, [string] $Permission) {
    $found = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $To.Principal.Id -All | Where-Object AppRoleId -EQ $Permission
    if ($found) { return }
    $graph = Get-MgServicePrincipal -Filter "appId eq '$GraphApi'"
    New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $To.Principal.Id -PrincipalId $To.Principal.Id -ResourceId $graph.Id -AppRoleId $Permission | Out-Null
}

# A key that is made here and registered there, once.
function New-RekeyCertificate($For) {
    $file = Join-Path $Folder "$($For.Name).pfx"
    if (Test-Path $file) { return }
    if ($For.Application.KeyCredentials) { throw "$($For.Name) has a certificate, and $file is missing: bring the file back, or remove the certificate" }
    New-Item -ItemType Directory -Force $Folder | Out-Null
    $key = [System.Security.Cryptography.RSA]::Create(3072)
    $request = [System.Security.Cryptography.X509Certificates.CertificateRequest]::new("CN=$($For.Name)", $key, 'SHA256', [System.Security.Cryptography.RSASignaturePadding]::Pkcs1)
    $now = [DateTimeOffset]::UtcNow
    $certificate = $request.CreateSelfSigned($now.AddMinutes(-5), $now.AddYears(1))
    [IO.File]::WriteAllBytes("$file.new", $certificate.Export('Pfx'))
    if (-not $IsWindows) { chmod 600 "$file.new" }
    Update-MgApplication -ApplicationId $For.Application.Id -KeyCredentials @(@{ Type = 'AsymmetricX509Cert'; Usage = 'Verify'; Key = $certificate.RawData; DisplayName = "CN=$($For.Name)" })
    Move-Item "$file.new" $file
}

# A role on one resource alone.
function Grant-RekeyRole($To, [string] $Role, [string] $Scope) {
    if (Get-AzRoleAssignment -ObjectId $To.Principal.Id -RoleDefinitionName $Role -Scope $Scope) { return }
    New-AzRoleAssignment -ObjectId $To.Principal.Id -RoleDefinitionName $Role -Scope $Scope | Out-Null
}

# The role that lists access keys and makes them anew, and does nothing else; made if it is
# not there, in the subscription of the scope. A new role is known everywhere after some minutes.
function Get-RekeyKeyRole([string] $Scope) {
    $name = 'rekey access keys'
    $subscription = '/subscriptions/' + $Scope.Split('/')[2]
    if (Get-AzRoleDefinition -Name $name -Scope $subscription) { return $name }
    $role = [Microsoft.Azure.Commands.Resources.Models.Authorization.PSRoleDefinition]::new()
    $role.Name = $name
    $role.Description = 'Reads and renews access keys.'
    $role.IsCustom = $true
    $role.AssignableScopes = @($subscription)
    $role.Actions = @(
        'Microsoft.EventGrid/topics/read', 'Microsoft.EventGrid/topics/listKeys/action', 'Microsoft.EventGrid/topics/regenerateKey/action'
        'Microsoft.Storage/storageAccounts/read', 'Microsoft.Storage/storageAccounts/listkeys/action', 'Microsoft.Storage/storageAccounts/regeneratekey/action'
        'Microsoft.ServiceBus/namespaces/read', 'Microsoft.ServiceBus/namespaces/*/read'
        'Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action', 'Microsoft.ServiceBus/namespaces/authorizationRules/regenerateKeys/action'
        'Microsoft.ServiceBus/namespaces/queues/authorizationRules/listKeys/action', 'Microsoft.ServiceBus/namespaces/queues/authorizationRules/regenerateKeys/action'
        'Microsoft.ServiceBus/namespaces/topics/authorizationRules/listKeys/action', 'Microsoft.ServiceBus/namespaces/topics/authorizationRules/regenerateKeys/action'
        'Microsoft.EventHub/namespaces/read', 'Microsoft.EventHub/namespaces/*/read'
        'Microsoft.EventHub/namespaces/authorizationRules/listKeys/action', 'Microsoft.EventHub/namespaces/authorizationRules/regenerateKeys/action'
        'Microsoft.EventHub/namespaces/eventhubs/authorizationRules/listKeys/action', 'Microsoft.EventHub/namespaces/eventhubs/authorizationRules/regenerateKeys/action'
        'Microsoft.DocumentDB/databaseAccounts/read', 'Microsoft.DocumentDB/databaseAccounts/listKeys/action', 'Microsoft.DocumentDB/databaseAccounts/regenerateKey/action'
        'Microsoft.DocumentDB/locations/operationsStatus/read'
    )
    (New-AzRoleDefinition -Role $role).Name
}

$Reader = Get-RekeyApplication 'rekey-reader'
$Writer = Get-RekeyApplication 'rekey-writer'

Grant-RekeyPermission $Reader $ApplicationReadAll
Grant-RekeyPermission $Reader $AuditLogReadAll
Grant-RekeyPermission $Writer $ApplicationReadWriteOwnedBy

New-RekeyCertificate $Reader
New-RekeyCertificate $Writer

# With OwnedBy the writer can change an application only after it has become an owner of it.
foreach ($id in $Apps) {
    $app = Get-MgApplication -Filter "appId eq '$id'"
    $owners = Get-MgApplicationOwner -ApplicationId $app.Id -All
    if ($owners.Id -notcontains $Writer.Principal.Id) {
        New-MgApplicationOwnerByRef -ApplicationId $app.Id -BodyParameter @{ '@odata.id' = "https://graph.microsoft.com/v1.0/directoryObjects/$($Writer.Principal.Id)" }
    }
}

# The same for service principals that have credentials of their own.
foreach ($id in $Principals) {
    $principal = Get-MgServicePrincipal -Filter "appId eq '$id'"
    $owners = Get-MgServicePrincipalOwner -ServicePrincipalId $principal.Id -All
    if ($owners.Id -notcontains $Writer.Principal.Id) {
        New-MgServicePrincipalOwnerByRef -ServicePrincipalId $principal.Id -BodyParameter @{ '@odata.id' = "https://graph.microsoft.com/v1.0/directoryObjects/$($Writer.Principal.Id)" }
    }
}

# Secrets Officer is the smallest built-in role that may put a secret. To narrow it further,
# give it on single entries: -Scope VAULT-ID/secrets/NAME
foreach ($name in $Vaults) {
    $vault = (Get-AzKeyVault -VaultName $name).ResourceId
    Grant-RekeyRole $Reader 'Key Vault Reader' $vault
    if ($ReadValues) { Grant-RekeyRole $Reader 'Key Vault Secrets User' $vault }
    Grant-RekeyRole $Writer 'Key Vault Secrets Officer' $vault
    if ($Certificates) { Grant-RekeyRole $Writer 'Key Vault Certificates Officer' $vault }
}

# An App Service that reads a vault by reference is asked to read it anew.
foreach ($site in $Sites) { Grant-RekeyRole $Writer 'Website Contributor' $site }

# Whoever may list the keys of a resource may use it: only where rekey shall renew them.
foreach ($group in $Keys) { Grant-RekeyRole $Writer (Get-RekeyKeyRole $group) $group }

@"
Done. Write into rekey.yaml, and run rekey doctor:

tenant:
  id: $((Get-MgContext).TenantId)
reader:
  clientId: $($Reader.Application.AppId)
  certificateFile: $(Join-Path $Folder 'rekey-reader.pfx')
writer:
  clientId: $($Writer.Application.AppId)
  certificateFile: $(Join-Path $Folder 'rekey-writer.pfx')
"@
