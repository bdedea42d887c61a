package planted

// solutionTexts are the files of a solution; those below app/ are its canvas app.
// The order in which a map gives them does not matter: see Make's users.
var solutionTexts = map[string]string{
	"solution.xml": `<ImportExportXml><SolutionManifest><UniqueName>NAME</UniqueName><LocalizedNames><LocalizedName description="NAME" languagecode="1033" /></LocalizedNames><Version>1.0.0.1</Version><Managed>0</Managed></SolutionManifest></ImportExportXml>`,
	"customizations.xml": `<ImportExportXml>
  <Workflows>
    <Workflow WorkflowId="{1f0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10}" Name="Send the invoice"><JsonFileName>/Workflows/Sendtheinvoice-1F0CDD2B-8F1C-4F0A-9D55-4A0A7F3F2B10.json</JsonFileName><Category>5</Category></Workflow>
  </Workflows>
  <SdkMessageProcessingSteps>
    <SdkMessageProcessingStep Name="Contoso.Plugins.Sync: Create of account" SdkMessageProcessingStepId="{2f0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10}">
      <Configuration>&lt;settings apiKey=&quot;«key,entra|Contoso.Plugins.Sync: Create of account»&quot; /&gt;</Configuration>
    </SdkMessageProcessingStep>
    <SdkMessageProcessingStep Name="Contoso.Plugins.Push: Update of contact" SdkMessageProcessingStepId="{3f0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10}">
      <Configuration>«entra,key|Contoso.Plugins.Push: Update of contact»</Configuration>
    </SdkMessageProcessingStep>
    <SdkMessageProcessingStep Name="Contoso.Plugins.Mail: Delete of task" SdkMessageProcessingStepId="{4f0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10}">
      <Configuration>url=https://api.contoso.example;user=svc;password=«password|Contoso.Plugins.Mail: Delete of task»</Configuration>
    </SdkMessageProcessingStep>
  </SdkMessageProcessingSteps>
</ImportExportXml>`,
	"Workflows/Sendtheinvoice-1F0CDD2B-8F1C-4F0A-9D55-4A0A7F3F2B10.json": `{
  "properties": {
    "connectionReferences": {"shared_sql": {"runtimeSource": "embedded", "connection": {"connectionReferenceLogicalName": "contoso_sql"}, "api": {"name": "shared_sql"}}},
    "definition": {
      "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
      "contentVersion": "1.0.0.0",
      "parameters": {
        "$connections": {"defaultValue": {}, "type": "Object"},
        "$authentication": {"defaultValue": {}, "type": "SecureObject"},
        "Partner API key (contoso_PartnerApiKey)": {"defaultValue": "«key,entra|parameter Partner API key (contoso_PartnerApiKey)»", "type": "String", "metadata": {"schemaName": "contoso_PartnerApiKey"}}
      },
      "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}, "triggerAuthenticationType": "All"}}},
      "actions": {
        "Get_token": {
          "type": "Http", "runAfter": {},
          "inputs": {
            "method": "POST", "uri": "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            "body": "grant_type=client_credentials&client_id=6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01&client_secret=«entra|Get token»&scope=https://graph.microsoft.com/.default"
          }
        },
        "Scope_Post_to_the_bank": {
          "type": "Scope",
          "actions": {
            "Post_invoice": {
              "type": "Http", "runAfter": {"Get_token": ["Succeeded"]},
              "inputs": {
                "method": "POST", "uri": "https://bank.contoso.example/invoices",
                "authentication": {"type": "ActiveDirectoryOAuth", "tenant": "72f988bf-0000-41af-91ab-2d7cd011db47", "audience": "api://bank", "clientId": "6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01", "secret": "«entra,key|authentication.secret»"}
              }
            },
            "Ask_the_old_system": {
              "type": "Http",
              "inputs": {"method": "GET", "uri": "https://old.contoso.example/rows", "authentication": {"type": "Basic", "username": "svc-flow", "password": "«password|authentication.password»"}}
            },
            "Ask_with_raw_header": {
              "type": "Http",
              "inputs": {"method": "GET", "uri": "https://raw.contoso.example/rows", "authentication": {"type": "Raw", "value": "Bearer «key,entra|authentication.value»"}}
            },
            "If_it_failed": {
              "type": "If", "expression": {"equals": ["@outputs('Post_invoice')['statusCode']", 500]},
              "actions": {"Call_function": {"type": "Http", "inputs": {"method": "POST", "uri": "https://contoso.azurewebsites.net/api/retry", "headers": {"x-functions-key": "«key|headers.x-functions-key»"}}}},
              "else": {"actions": {"Call_api_management": {"type": "Http", "inputs": {"method": "GET", "uri": "https://contoso.azure-api.net/x", "headers": {"Authorization": "Bearer «key,entra|headers.Authorization»", "x-api-key": "«key|headers.x-api-key»"}}}}}
            },
            "Switch_by_country": {
              "type": "Switch", "expression": "@triggerBody()?['country']",
              "cases": {"DE": {"case": "DE", "actions": {"Start_other_flow": {"type": "Http", "inputs": {"method": "POST", "uri": "«url|Start other flow»"}}}}},
              "default": {"actions": {"Log_to_storage": {"type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['azureblob']['connectionId']"}}, "parameters": {"connectionString": "«connection|Log to storage»"}}}}}
            }
          }
        },
        "Initialize_variable_ApiSecret": {"type": "InitializeVariable", "inputs": {"variables": [{"name": "varApiSecret", "type": "string", "value": "«key,entra|Initialize variable ApiSecret»"}]}},
        "Set_variable": {"type": "SetVariable", "inputs": {"name": "sqlPassword", "value": "«password|Set variable»"}},
        "Compose_API_key": {"type": "Compose", "inputs": "«key,entra|Compose API key»"},
        "Compose_settings": {"type": "Compose", "inputs": {"endpoint": "https://x.contoso.example", "apiToken": "«key|apiToken»"}},
        "Make_header": {"type": "Compose", "inputs": "@concat('Bearer ', '«entra|Make header»')"},
        "Send_mail": {"type": "OpenApiConnection", "inputs": {"host": {"apiId": "/providers/Microsoft.PowerApps/apis/shared_smtp", "operationId": "SendEmail"}, "parameters": {"server": "smtp.contoso.example", "userName": "svc-mail", "password": "«password|Send mail»"}}},
        "Run_query": {"type": "OpenApiConnection", "inputs": {"host": {"apiId": "/providers/Microsoft.PowerApps/apis/shared_sql"}, "parameters": {"query": "OPEN SYMMETRIC KEY k; Server=tcp:contoso.database.windows.net;User ID=app;Password=«password|Run query»;Encrypt=true"}}}
      }
    },
    "templateName": ""
  },
  "schemaVersion": "1.0.0.0"
}`,
	"Workflows/Readportal-5F0CDD2B-8F1C-4F0A-9D55-4A0A7F3F2B10.json":                         `{"properties": {"name": "Read portal", "definition": "@@copilotGeneratedAction: 'False'\r\nSET PortalPassword TO $'''«password|Readportal»'''\r\nWebAutomation.PopulateTextField TextField: appmask['Portal']['Input']\r\n"}}`,
	"Workflows/Readportal.robin":                                                             "SET PortalPassword TO $'''«password|PortalPassword»'''\r\nDatabase.Connect ConnectionString: $'''Provider=SQLOLEDB;Server=db1;User Id=sa;Password=«password|ConnectionString»''' Connection=> SqlConnection\r\nWeb.InvokeWebService Url: $'''https://x''' ApiKey: $'''«key|ApiKey»'''\r\n",
	"environmentvariabledefinitions/contoso_PartnerApiKey/environmentvariabledefinition.xml": `<environmentvariabledefinition schemaname="contoso_PartnerApiKey"><defaultvalue>«key,entra|Partner API key»</defaultvalue><displayname default="Partner API key"><label description="Partner API key" languagecode="1033" /></displayname><introducedversion>1.0.0.1</introducedversion><isrequired>0</isrequired><secretstore>0</secretstore><type>100000000</type></environmentvariabledefinition>`,
	"environmentvariabledefinitions/contoso_PartnerApiKey/environmentvariablevalues.json":    `{"environmentvariablevalues":{"environmentvariablevalue":{"@environmentvariablevalueid":"0c0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10","iscustomizable":"1","value":"«entra,key|contoso_PartnerApiKey»"}}}`,
	"environmentvariabledefinitions/contoso_BankSecret/environmentvariabledefinition.xml":    `<environmentvariabledefinition schemaname="contoso_Bank"><defaultvalue>«key,entra|Bank access»</defaultvalue><displayname default="Bank access" /><secretstore>0</secretstore><type>100000005</type></environmentvariabledefinition>`,
	"environmentvariabledefinitions/contoso_SqlConnection/environmentvariabledefinition.xml": `<environmentvariabledefinition schemaname="contoso_SqlConnection"><defaultvalue>Server=tcp:db.contoso.example;Database=crm;User ID=app;Password=«password|SQL connection»;</defaultvalue><displayname default="SQL connection" /><type>100000000</type></environmentvariabledefinition>`,
	"environmentvariabledefinitions/contoso_Settings/environmentvariabledefinition.xml":      `<environmentvariabledefinition schemaname="contoso_Settings"><defaultvalue>{"url":"https://x","clientSecret":"«entra,key|Settings»"}</defaultvalue><displayname default="Settings" /><type>100000003</type></environmentvariabledefinition>`,
	"environmentvariabledefinitions/contoso_Storage/environmentvariabledefinition.xml":       `<environmentvariabledefinition schemaname="contoso_Storage"><defaultvalue>«connection|Storage account»</defaultvalue><displayname default="Storage account" /><type>100000000</type></environmentvariabledefinition>`,
	"environmentvariabledefinitions/contoso_OtherFlow/environmentvariablevalues.json":        `{"environmentvariablevalues":{"environmentvariablevalue":[{"@environmentvariablevalueid":"0d0cdd2b-8f1c-4f0a-9d55-4a0a7f3f2b10","value":"«url|contoso_OtherFlow»"}]}}`,
	"Connectors/contoso_bank_connectionparameters.json":                                      `{"token":{"type":"oauthSetting","oAuthSettings":{"identityProvider":"aad","clientId":"6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01","clientSecret":"«entra,key|token.oAuthSettings.clientSecret»","scopes":[]}}}`,
	"Connectors/contoso_bank_policytemplateinstances.json":                                   `{"properties":{"policyTemplateInstances":[{"templateId":"setheader","title":"Set key","parameters":{"x-ms-apimTemplateParameter.name":"x-api-key","x-ms-apimTemplateParameter.value":"«key,entra|Set key»","x-ms-apimTemplateParameter.existsAction":"override"}}]}}`,
	"Connectors/contoso_bank_openapidefinition.json":                                         `{"swagger":"2.0","info":{"title":"Bank","version":"1"},"host":"bank.contoso.example","paths":{"/x":{"get":{"parameters":[{"name":"subscription-key","in":"header","default":"«key|subscription-key»","type":"string"}]}}}}`,
	"Connectors/script.csx":               "public class Script : ScriptBase { private const string apiKey = \"«key,entra|script.csx»\"; }\n",
	"WebResources/contoso_/js/account.js": "var Contoso = Contoso || {};\nContoso.onLoad = function () {\n  var apiKey = \"«key|account.js»\";\n  fetch(\"https://x\", { headers: { Authorization: \"Bearer «entra|account.js»\" } });\n};\n",
	"app/Header.json":                     `{"DocVersion":"1.332","MinVersionToLoad":"1.331","MSAppStructureVersion":"2.0"}`,
	"app/Properties.json":                 `{"Name":"contoso_app","LocalConnectionReferences":"{\"a\":{\"connectionParameters\":{\"apiKey\":\"x\"}}}"}`,
	"app/Controls/1.json": `{"TopParent":{"Type":"ControlInfo","Name":"App","Rules":[
  {"Property":"OnStart","Category":"Behavior","InvariantScript":"Set(varApiKey, \"«key,entra|App.OnStart»\");\r\nSet(varUrl, \"https://x.contoso.example\");;\r\nSet(gblBankPassword,\"«password|App.OnStart»\")","RuleProviderType":"Unknown"}],
  "Children":[{"Name":"Screen1","Rules":[{"Property":"OnVisible","InvariantScript":"UpdateContext({locToken: \"«key|Screen1.OnVisible»\"})"}],"Children":[
     {"Name":"Button1","Rules":[{"Property":"OnSelect","InvariantScript":"Bank.Post({body: TextInput1.Text, 'x-api-key': \"«key,entra|Button1.OnSelect»\"}); Launch(\"«url|Button1.OnSelect»\")"}],"Children":[]}]}]}}`,
	"app/Src/App.pa.yaml": "App:\n  Properties:\n    OnStart: =Set(varClientSecret, \"«entra,key|OnStart»\")\n",
}

// looseTexts are settings files as repositories have them.
var looseTexts = map[string]string{
	"local.settings.json":           `{"IsEncrypted": false, "Values": {"AzureWebJobsStorage": "«connection|Values.AzureWebJobsStorage»", "BankApiKey": "«key,entra|Values.BankApiKey»"}}`,
	"src/appsettings.Test.json":     "{\n  // settings\n  \"AzureAd\": {\"ClientId\": \"6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01\", \"ClientSecret\": \"«entra,key|AzureAd.ClientSecret»\"},\n  \"ConnectionStrings\": {\"Default\": \"Server=db;Database=x;User Id=app;Password=«password|ConnectionStrings.Default»\"},\n}\n",
	"web/web.config":                "<configuration>\n  <appSettings>\n    <add key=\"ida:ClientSecret\" value=\"«entra,key|ida:ClientSecret»\" />\n    <add key=\"SmtpPassword\" value=\"«password|SmtpPassword»\" />\n  </appSettings>\n  <connectionStrings>\n    <add name=\"Crm\" connectionString=\"AuthType=ClientSecret;Url=https://contoso.crm4.dynamics.com;ClientId=6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01;ClientSecret=«entra,key|Crm»\" />\n  </connectionStrings>\n</configuration>\n",
	"AOSService/webroot/web.config": "<configuration>\n  <appSettings>\n    <add key=\"Aad.Realm\" value=\"spn:x\" />\n    <add key=\"DataAccess.SqlPwd\" value=\"«password|DataAccess.SqlPwd»\" />\n    <add key=\"GraphAPIServicePrincipalKey\" value=\"«entra,key|GraphAPIServicePrincipalKey»\" />\n  </appSettings>\n</configuration>\n",
	".github/workflows/deploy.yml":  "name: deploy\non: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n    env:\n      API_TOKEN: «key,entra|build»\n    steps:\n      - uses: actions/checkout@v5\n      - name: Sign in\n        run: az login --service-principal -u 6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01 -p «entra|Sign in» --tenant contoso.example\n",
	"azure-pipelines.yml":           "trigger: none\nvariables:\n  - name: sqlPassword\n    value: «password|sqlPassword»\n  - name: apiKey\n    value: '«key,entra|apiKey»'\nsteps:\n  - task: AzureCLI@2\n    displayName: Deploy it\n    env:\n      CLIENT_SECRET: «entra,key|Deploy it»\n",
	"deploy/main.json":              `{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0", "parameters": {"adminPassword": {"type": "string", "defaultValue": "«password|parameters.adminPassword.defaultValue»"}}, "resources": [{"type": "Microsoft.Web/sites", "name": "contoso-web", "properties": {"siteConfig": {"appSettings": [{"name": "BankApiKey", "value": "«key,entra|BankApiKey»"}]}}}, {"type": "Microsoft.Logic/workflows", "name": "contoso-logic", "properties": {"definition": {"$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#", "triggers": {}, "actions": {"Call_bank": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x", "authentication": {"type": "ActiveDirectoryOAuth", "secret": "«entra,key|Call bank»"}}}}}}}]}`,
	"deploy/main.parameters.json":   `{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#", "parameters": {"sqlAdministratorPassword": {"value": "«password|parameters.sqlAdministratorPassword.value»"}, "storageConnection": {"value": "«connection|parameters.storageConnection.value»"}}}`,
	"deploy/main.bicep":             "param location string = 'westeurope'\nvar clientSecret = '«entra,key|main.bicep»'\n",
	"logic/Orders/workflow.json":    `{"definition": {"$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#", "actions": {"Get_orders": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x", "headers": {"Ocp-Apim-Subscription-Key": "«key,entra|Get orders»"}}}}, "triggers": {}}, "kind": "Stateful"}`,
	"scripts/connect.ps1":           "$clientSecret = '«entra,key|connect.ps1»'\n$password = ConvertTo-SecureString '«password|connect.ps1»' -AsPlainText -Force\n",
	"infra/terraform.tfstate":       `{"version": 4, "outputs": {"client_secret": {"value": "«entra,key|outputs.client_secret.value»", "type": "string", "sensitive": true}}, "resources": [{"mode": "managed", "type": "azuread_application_password", "name": "bank", "instances": [{"attributes": {"value": "«entra|azuread_application_password.bank»"}}]}, {"mode": "managed", "type": "azurerm_storage_account", "name": "data", "instances": [{"attributes": {"primary_connection_string": "«connection|azurerm_storage_account.data»"}}]}]}`,
	"chart/values.yaml":             "image:\n  tag: v1\ndatabase:\n  password: «password|database»\nenv:\n  - name: CLIENT_SECRET\n    value: \"«entra,key|CLIENT_SECRET»\"\n",
	"analysis.ipynb":                "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": [\"# Load\\n\"]}, {\"cell_type\": \"code\", \"source\": [\"import x\\n\", \"client_secret = \\\"«entra,key|cell 2»\\\"\\n\"], \"outputs\": []}]}",
}

// referenceTexts hold no secret.
var referenceTexts = map[string]string{
	"Workflows/Good-1F0CDD2B-8F1C-4F0A-9D55-4A0A7F3F2B11.json": `{"properties": {"definition": {"$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#", "parameters": {"$authentication": {"defaultValue": {}, "type": "SecureObject"}, "Secret (contoso_Secret)": {"defaultValue": "/subscriptions/6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso-kv/secrets/bank-secret", "type": "String"}}, "triggers": {}, "actions": {
  "Get_secret": {"type": "OpenApiConnection", "inputs": {"host": {"apiId": "/providers/Microsoft.PowerApps/apis/shared_keyvault", "operationId": "GetSecret"}, "parameters": {"secretName": "bank-client-secret-2026"}, "authentication": "@parameters('$authentication')"}},
  "Call": {"type": "Http", "inputs": {"method": "GET", "uri": "https://x.contoso.example", "headers": {"Authorization": "Bearer @{body('Get_token')?['access_token']}", "x-api-key": "@{variables('varApiKey')}"}, "authentication": {"type": "ActiveDirectoryOAuth", "clientId": "@parameters('clientId')", "secret": "@body('Get_secret')?['value']"}}},
  "Basic": {"type": "Http", "inputs": {"authentication": {"type": "Basic", "username": "svc", "password": "@outputs('Get_secret')?['body/value']"}, "body": "client_secret=@{outputs('Get_secret')?['body/value']}&grant_type=client_credentials"}},
  "Set_variable": {"type": "SetVariable", "inputs": {"name": "apiPassword", "value": "@{triggerBody()?['password']}"}},
  "Identity": {"type": "Http", "inputs": {"authentication": {"type": "ManagedServiceIdentity", "audience": "https://graph.microsoft.com"}}}}}}}`,
	"environmentvariabledefinitions/contoso_Secret/environmentvariabledefinition.xml": `<environmentvariabledefinition schemaname="contoso_BankSecret"><defaultvalue>/subscriptions/6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso-kv/secrets/bank-secret</defaultvalue><displayname default="Bank secret" /><secretstore>0</secretstore><type>100000005</type></environmentvariabledefinition>`,
	"local.settings.json":        `{"Values": {"BankApiKey": "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/bank/0123456789abcdef0123456789abcdef)", "AzureWebJobsStorage": "UseDevelopmentStorage=true", "ClientSecret": "<your secret>"}}`,
	"main.parameters.json":       `{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#", "parameters": {"adminPassword": {"reference": {"keyVault": {"id": "/subscriptions/6b3e91ad-1c1e-4f5e-9d0e-0f5a4dbb2f01/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/contoso"}, "secretName": "admin-password"}}}}`,
	"main.json":                  `{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "parameters": {"adminPassword": {"type": "secureString"}}, "resources": [{"type": "Microsoft.Web/sites", "name": "[parameters('siteName')]", "properties": {"adminPassword": "[parameters('adminPassword')]", "key": "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'contosostorage'), '2023-01-01').keys[0].value]"}}]}`,
	".github/workflows/good.yml": "jobs:\n  a:\n    steps:\n      - name: Sign in\n        env:\n          CLIENT_SECRET: ${{ secrets.CLIENT_SECRET }}\n        run: az login -p \"$CLIENT_SECRET\"\n",
	"azure-pipelines.yml":        "variables:\n  - group: contoso-secrets\n  - name: sqlPassword\n    value: $(sqlPasswordFromVault)\nsteps:\n  - script: echo $(apiKey)\n",
	"chart/values.yaml":          "database:\n  existingSecret: contoso-db\n  passwordKey: password\nenv:\n  - name: CLIENT_SECRET\n    valueFrom: {secretKeyRef: {name: app, key: client-secret}}\n",
	"connect.ps1":                "$clientSecret = Get-AzKeyVaultSecret -VaultName contoso -Name bank -AsPlainText\n$password = Read-Host -AsSecureString\n",
	"app/Controls/1.json":        `{"TopParent":{"Name":"App","Rules":[{"Property":"OnStart","InvariantScript":"Set(varToken, Bank.GetToken().value); Set(varPasswordLabel, \"Enter your password\"); Set(varKey, Blank())"}],"Children":[]}}`,
}
