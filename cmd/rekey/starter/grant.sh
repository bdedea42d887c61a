#!/bin/sh
# Grants rekey what it needs in the tenant, and nothing more.
#
# Run it once as an administrator, after: az login{{if .Tenant}} --tenant {{.Tenant}}{{end}}
# It needs the Azure CLI and openssl. Running it again does no harm: what is there is kept.
#
#   rekey-reader   reads applications, owners, dates of credentials, sign-in records; and lists the vaults
#   rekey-writer   changes only applications that it owns, and puts secrets into the vaults
#
# Both sign in with a certificate that is made here. The private keys stay in $FOLDER.
set -eu

FOLDER='{{.Folder}}'
VAULTS='{{range $i, $v := .Vaults}}{{if $i}} {{end}}{{$v}}{{end}}' # names of Key Vaults
APPS='{{range $i, $a := .Apps}}{{if $i}} {{end}}{{$a}}{{end}}' # client ids of the applications that rekey should renew
READ_VALUES=no # yes: the reader may also read values, to recognise them (readValues in rekey.yaml)

GRAPH=00000003-0000-0000-c000-000000000000 # Microsoft Graph
APPLICATION_READ_ALL=9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30
AUDITLOG_READ_ALL=b0afded3-3588-46d8-8b3d-9842eff778da
APPLICATION_READWRITE_OWNEDBY=18a4783c-866b-4cc7-a460-3d5e5662c884

KEY_VAULT_READER=21090545-7ca7-4776-b22c-e363652d74d2
KEY_VAULT_SECRETS_USER=4633458b-17de-408a-b874-0445c86b69e6
KEY_VAULT_SECRETS_OFFICER=b86a8fe4-44ce-4948-aee5-eccb2c155cd7

# application NAME: prints the client id of the application, which is made if it is not there.
application() {
  id=$(az ad app list --filter "displayName eq '$1'" --query "[0].appId" -o tsv)
  if [ -z "$id" ]; then
    id=$(az ad app create --display-name "$1" --sign-in-audience AzureADMyOrg --query appId -o tsv)
  fi
  az ad sp show --id "$id" >/dev/null 2>&1 || az ad sp create --id "$id" >/dev/null
  echo "$id"
}

# principal CLIENT-ID: prints the object id of its service principal.
principal() {
  az ad sp show --id "$1" --query id -o tsv
}

# grant PRINCIPAL PERMISSION: an application permission of Graph, with an administrator's consent.
grant() {
  uri="https://graph.microsoft.com/v1.0/servicePrincipals/$1/appRoleAssignments"
  found=$(az rest --method get --uri "$uri" --query "value[?appRoleId=='$2'].id" -o tsv)
  if [ -z "$found" ]; then
    graph=$(principal "$GRAPH")
    az rest --method post --uri "$uri" --headers Content-Type=application/json \
      --body "{\"principalId\":\"$1\",\"resourceId\":\"$graph\",\"appRoleId\":\"$2\"}" >/dev/null
  fi
}

# certificate NAME CLIENT-ID: a key that is made here and registered there, once.
certificate() {
  file="$FOLDER/$1.pem"
  if [ -f "$file" ]; then return; fi
  mkdir -p "$FOLDER"
  (
    umask 077
    openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=$1" -keyout "$file.key" -out "$file.crt" 2>/dev/null
    cat "$file.key" "$file.crt" >"$file.new"
  )
  az ad app credential reset --id "$2" --cert "@$file.crt" --append --only-show-errors >/dev/null
  mv "$file.new" "$file"
  rm "$file.key" "$file.crt"
}

# role PRINCIPAL ROLE VAULT: a role on that vault alone. (Over the plain API, because the
# "az role assignment create" of some distributions' packages fails.)
role() {
  scope=$(az keyvault show --name "$3" --query id -o tsv)
  uri="https://management.azure.com$scope/providers/Microsoft.Authorization/roleAssignments"
  found=$(az rest --method get --uri "$uri?api-version=2022-04-01&\$filter=principalId%20eq%20'$1'" \
    --query "value[?ends_with(properties.roleDefinitionId, '$2')].id" -o tsv)
  if [ -z "$found" ]; then
    name=$(uuidgen 2>/dev/null || cat /proc/sys/kernel/random/uuid)
    definition="${scope%%/resourceGroups/*}/providers/Microsoft.Authorization/roleDefinitions/$2"
    az rest --method put --uri "$uri/$name?api-version=2022-04-01" --headers Content-Type=application/json \
      --body "{\"properties\":{\"principalId\":\"$1\",\"principalType\":\"ServicePrincipal\",\"roleDefinitionId\":\"$definition\"}}" >/dev/null
  fi
}

READER=$(application rekey-reader)
WRITER=$(application rekey-writer)
READER_PRINCIPAL=$(principal "$READER")
WRITER_PRINCIPAL=$(principal "$WRITER")

grant "$READER_PRINCIPAL" "$APPLICATION_READ_ALL"
grant "$READER_PRINCIPAL" "$AUDITLOG_READ_ALL"
grant "$WRITER_PRINCIPAL" "$APPLICATION_READWRITE_OWNEDBY"

certificate rekey-reader "$READER"
certificate rekey-writer "$WRITER"

# With OwnedBy the writer can change an application only after it has become an owner of it.
for app in $APPS; do
  az ad app owner add --id "$app" --owner-object-id "$WRITER_PRINCIPAL"
done

# Secrets Officer is the smallest built-in role that may put a secret. To narrow it further,
# give it on single entries: --scope VAULT-ID/secrets/NAME
for vault in $VAULTS; do
  role "$READER_PRINCIPAL" "$KEY_VAULT_READER" "$vault"
  if [ "$READ_VALUES" = yes ]; then role "$READER_PRINCIPAL" "$KEY_VAULT_SECRETS_USER" "$vault"; fi
  role "$WRITER_PRINCIPAL" "$KEY_VAULT_SECRETS_OFFICER" "$vault"
done

cat <<END
Done. Write into rekey.yaml, and run rekey doctor:

tenant:
  id: $(az account show --query tenantId -o tsv)
reader:
  clientId: $READER
  certificateFile: $FOLDER/rekey-reader.pem
writer:
  clientId: $WRITER
  certificateFile: $FOLDER/rekey-writer.pem
END
