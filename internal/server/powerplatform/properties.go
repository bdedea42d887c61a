package powerplatform

// properties are what is not in the definition: how people sign in, and how the
// trigger remembers where it was. The form is that of
// https://github.com/microsoft/PowerPlatformConnectors/blob/dev/schemas/paconn-apiProperties.schema.json
func properties(c Config) any {
	return node{"properties": node{
		"iconBrandColor": "#0F5C5C",
		"capabilities":   []string{},
		"connectionParameters": node{
			"token": node{
				"type": "oauthSetting",
				"oAuthSettings": node{
					"identityProvider": "aad", "clientId": c.ClientID, "scopes": []string{},
					"redirectMode": "GlobalPerConnector", "redirectUrl": "https://global.consent.azure-apim.net/redirect",
					"properties": node{"IsFirstParty": "False", "AzureActiveDirectoryResourceId": c.resource(), "IsOnbehalfofLoginSupported": true},
					"customParameters": node{
						"loginUri": node{"value": "https://login.microsoftonline.com"}, "tenantId": node{"value": c.Tenant},
						"resourceUri": node{"value": c.resource()}, "enableOnbehalfOfLogin": node{"value": "false"},
					},
				},
			},
			"token:TenantId": node{
				"type":     "string",
				"metadata": node{"sourceType": "AzureActiveDirectoryTenant"},
				"uiDefinition": node{
					"constraints": node{"required": "false", "hidden": "true"},
				},
			},
		},
		"policyTemplateInstances": []any{
			node{
				"templateId": "pollingtrigger", "type": "PollingTrigger", "title": "The trigger remembers since",
				"parameters": node{
					"x-ms-apimTemplateParameter.triggerConfig":   node{"since": "@{triggerBody().since}"},
					"x-ms-apimTemplateParameter.triggerDataPath": "@triggerBody().value",
					"x-ms-apimTemplate-operationName":            []string{"ListEnding"},
				},
			},
		},
	}}
}

// settings tell paconn where the files are; the identifiers come with the first upload.
func settings() any {
	return node{
		"connectorId": "", "environment": "", "apiProperties": "apiProperties.json", "apiDefinition": "apiDefinition.swagger.json", "icon": "icon.png",
		"script": "", "powerAppsUrl": "https://api.powerapps.com", "powerAppsApiVersion": "2016-11-01",
	}
}
