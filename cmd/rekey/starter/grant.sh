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
PRINCIPALS='' # client ids of the service principals whose own credentials rekey should renew, such as that of an enterprise application
CERTIFICATES=no # yes: the vaults also hold certificates that rekey renews, or make their key pairs (rotation.vaultPairs)
SITES='' # resource ids of App Services and function apps that read the vaults by reference: rekey asks them to read anew
KEYS='' # resource ids of resource groups whose access keys rekey should renew (Storage, Service Bus, Event Hubs, Event Grid, Cosmos DB)
READ_VALUES=no # yes: the reader may also read values, to recognise them (readValues in rekey.yaml)

GRAPH=00000003-0000-0000-c000-000000000000 # Microsoft Graph
APPLICATION_READ_ALL=9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30
AUDITLOG_READ_ALL=b0afded3-3588-46d8-8b3d-9842eff778da
APPLICATION_READWRITE_OWNEDBY=18a4783c-866b-4cc7-a460-3d5e5662c884

KEY_VAULT_READER=21090545-7ca7-4776-b22c-e363652d74d2
KEY_VAULT_SECRETS_USER=4633458b-17de-408a-b874-0445c86b69e6
KEY_VAULT_SECRETS_OFFICER=b86a8fe4-44ce-4948-aee5-eccb2c155cd7
KEY_VAULT_CERTIFICATES_OFFICER=a4417e6f-fecd-4de8-b567-7b0420556985
WEBSITE_CONTRIBUTOR=de139f84-1756-47ae-9be6-808fbbe84772
KEY_ROLE='rekey access keys' # made below, if KEYS names anything

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

# role PRINCIPAL ROLE SCOPE: a role on that resource alone. (Over the plain API, because the
# "az role assignment create" of some distributions' packages fails.)
role() {
  scope=$3
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

# key_role SCOPE: prints the id of the role that lists access keys and makes them anew, and
# does nothing else. It is made if it is not there; SCOPE says in which subscription.
key_role() {
  subscription=$(echo "$1" | cut -d / -f 3)
  found=$(az role definition list --name "$KEY_ROLE" --scope "/subscriptions/$subscription" --custom-role-only true --query "[0].name" -o tsv)
  if [ -z "$found" ]; then
    found=$(az role definition create --query name -o tsv --role-definition "{
      \"Name\": \"$KEY_ROLE\", \"Description\": \"Reads and renews access keys.\", \"AssignableScopes\": [\"/subscriptions/$subscription\"],
      \"Actions\": [
        \"Microsoft.EventGrid/topics/read\", \"Microsoft.EventGrid/topics/listKeys/action\", \"Microsoft.EventGrid/topics/regenerateKey/action\",
        \"Microsoft.Storage/storageAccounts/read\", \"Microsoft.Storage/storageAccounts/listkeys/action\", \"Microsoft.Storage/storageAccounts/regeneratekey/action\",
        \"Microsoft.ServiceBus/namespaces/read\", \"Microsoft.ServiceBus/namespaces/*/read\",
        \"Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action\", \"Microsoft.ServiceBus/namespaces/authorizationRules/regenerateKeys/action\",
        \"Microsoft.ServiceBus/namespaces/queues/authorizationRules/listKeys/action\", \"Microsoft.ServiceBus/namespaces/queues/authorizationRules/regenerateKeys/action\",
        \"Microsoft.ServiceBus/namespaces/topics/authorizationRules/listKeys/action\", \"Microsoft.ServiceBus/namespaces/topics/authorizationRules/regenerateKeys/action\",
        \"Microsoft.EventHub/namespaces/read\", \"Microsoft.EventHub/namespaces/*/read\",
        \"Microsoft.EventHub/namespaces/authorizationRules/listKeys/action\", \"Microsoft.EventHub/namespaces/authorizationRules/regenerateKeys/action\",
        \"Microsoft.EventHub/namespaces/eventhubs/authorizationRules/listKeys/action\", \"Microsoft.EventHub/namespaces/eventhubs/authorizationRules/regenerateKeys/action\",
        \"Microsoft.DocumentDB/databaseAccounts/read\", \"Microsoft.DocumentDB/databaseAccounts/listKeys/action\", \"Microsoft.DocumentDB/databaseAccounts/regenerateKey/action\",
        \"Microsoft.DocumentDB/locations/operationsStatus/read\"
      ]
    }")
  fi
  echo "$found"
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

# The same for service principals that have credentials of their own.
for id in $PRINCIPALS; do
  uri="https://graph.microsoft.com/v1.0/servicePrincipals/$(principal "$id")/owners"
  if [ -z "$(az rest --method get --uri "$uri" --query "value[?id=='$WRITER_PRINCIPAL'].id" -o tsv)" ]; then
    az rest --method post --uri "$uri/\$ref" --headers Content-Type=application/json \
      --body "{\"@odata.id\":\"https://graph.microsoft.com/v1.0/directoryObjects/$WRITER_PRINCIPAL\"}" >/dev/null
  fi
done

# Secrets Officer is the smallest built-in role that may put a secret. To narrow it further,
# give it on single entries: --scope VAULT-ID/secrets/NAME
for name in $VAULTS; do
  vault=$(az keyvault show --name "$name" --query id -o tsv)
  role "$READER_PRINCIPAL" "$KEY_VAULT_READER" "$vault"
  if [ "$READ_VALUES" = yes ]; then role "$READER_PRINCIPAL" "$KEY_VAULT_SECRETS_USER" "$vault"; fi
  role "$WRITER_PRINCIPAL" "$KEY_VAULT_SECRETS_OFFICER" "$vault"
  if [ "$CERTIFICATES" = yes ]; then role "$WRITER_PRINCIPAL" "$KEY_VAULT_CERTIFICATES_OFFICER" "$vault"; fi
done

# An App Service that reads a vault by reference is asked to read it anew.
for site in $SITES; do
  role "$WRITER_PRINCIPAL" "$WEBSITE_CONTRIBUTOR" "$site"
done

# Whoever may list the keys of a resource may use it: only where rekey shall renew them.
for group in $KEYS; do
  role "$WRITER_PRINCIPAL" "$(key_role "$group")" "$group"
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
