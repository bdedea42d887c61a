package contoso

// warehouseApps are those of the warehouse and of transport.
func warehouseApps() []app {
	return []app{
		{
			name: "WMS_HandheldScanners", description: "Zebra scanners on the floor, all three halls.", reference: "WMS-0004",
			owners: []string{"henrik"}, ours: true, age: 1300, tags: []string{"warehouse", "critical"}, requires: []permission{{"erp", "Connector.FullAccess"}},
			secrets: []secret{{label: "scanners", ends: 28, life: 365, deposits: []deposit{{vault: prod, name: "wms-scanners-secret",
				consumer: "Handheld scanners", purpose: "Client secret of WMS_HandheldScanners", owner: "warehouse-it@contoso.com"}}}},
		},
		{
			name: "WMS_StockLevels_Api", description: "Stock levels for the web shop.", owners: []string{"henrik", "ingrid"}, ours: true, age: 700, tags: []string{"warehouse"},
			uris: []string{"api://wms-stock-levels"},
			secrets: []secret{{label: "stock", ends: 199, life: 365, deposits: []deposit{{vault: prod, name: "wms-stock-levels-secret",
				consumer: "Stock levels in the web shop", purpose: "Client secret of WMS_StockLevels_Api", owner: "warehouse-it@contoso.com"}}}},
		},
		{
			name: "WMS_LabelPrinting", description: "", age: 1900, tags: []string{"warehouse"}, // no owner
			secrets: []secret{{label: "", ends: 120, life: 730, deposits: []deposit{{vault: prod, name: "LabelPrinting", untagged: true, undated: true}}}},
		},
		{
			name: "TMS_DHL_Tracking", description: "Tracking numbers of parcels.", owners: []string{"henrik"}, ours: true, age: 400, tags: []string{"transport"},
			secrets: []secret{{label: "dhl", ends: 252, life: 365, unused: 1, deposits: []deposit{{vault: prod, name: "tms-dhl-tracking-secret",
				consumer: "Parcel tracking", purpose: "Client secret of TMS_DHL_Tracking", owner: "warehouse-it@contoso.com"}}}},
		},
		{
			// The owner has left; the name says what nobody dares to touch.
			name: "Lager-Schnittstelle ÄÖ (alt)", description: "Alte Schnittstelle, bitte nicht mehr verwenden!", owners: []string{"petra"}, age: 2600,
			secrets: []secret{{label: "Schlüssel 1", ends: 17, life: 1096, unused: 0}},
		},
	}
}
