<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis simplifyMaxScale="1" simplifyLocal="1" readOnly="0" maxScale="0" styleCategories="AllStyleCategories" simplifyDrawingTol="1" hasScaleBasedVisibilityFlag="0" minScale="0" simplifyAlgorithm="0" version="3.22.16-Białowieża" symbologyReferenceScale="-1" simplifyDrawingHints="1" labelsEnabled="1">
  <flags>
    <Identifiable>1</Identifiable>
    <Removable>1</Removable>
    <Searchable>1</Searchable>
    <Private>0</Private>
  </flags>
  <temporal fixedDuration="0" accumulate="0" enabled="0" startExpression="" endExpression="" durationField="" durationUnit="min" mode="0" endField="" limitMode="0" startField="">
    <fixedRange>
      <start></start>
      <end></end>
    </fixedRange>
  </temporal>
  <renderer-v2 enableorderby="0" forceraster="0" symbollevels="0" type="singleSymbol" referencescale="-1">
    <symbols>
      <symbol alpha="1" clip_to_extent="1" type="fill" name="0" force_rhr="0">
        <data_defined_properties>
          <Option type="Map">
            <Option type="QString" value="" name="name"/>
            <Option name="properties"/>
            <Option type="QString" value="collection" name="type"/>
          </Option>
        </data_defined_properties>
        <layer pass="0" enabled="1" locked="0" class="SimpleFill">
          <Option type="Map">
            <Option type="QString" value="3x:0,0,0,0,0,0" name="border_width_map_unit_scale"/>
            <Option type="QString" value="0,0,255,255" name="color"/>
            <Option type="QString" value="round" name="joinstyle"/>
            <Option type="QString" value="0,0" name="offset"/>
            <Option type="QString" value="3x:0,0,0,0,0,0" name="offset_map_unit_scale"/>
            <Option type="QString" value="MM" name="offset_unit"/>
            <Option type="QString" value="255,255,255,200" name="outline_color"/>
            <Option type="QString" value="solid" name="outline_style"/>
            <Option type="QString" value="0.9" name="outline_width"/>
            <Option type="QString" value="MM" name="outline_width_unit"/>
            <Option type="QString" value="no" name="style"/>
          </Option>
          <prop v="3x:0,0,0,0,0,0" k="border_width_map_unit_scale"/>
          <prop v="0,0,255,255" k="color"/>
          <prop v="round" k="joinstyle"/>
          <prop v="0,0" k="offset"/>
          <prop v="3x:0,0,0,0,0,0" k="offset_map_unit_scale"/>
          <prop v="MM" k="offset_unit"/>
          <prop v="255,255,255,200" k="outline_color"/>
          <prop v="solid" k="outline_style"/>
          <prop v="0.9" k="outline_width"/>
          <prop v="MM" k="outline_width_unit"/>
          <prop v="no" k="style"/>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" value="" name="name"/>
              <Option name="properties"/>
              <Option type="QString" value="collection" name="type"/>
            </Option>
          </data_defined_properties>
        </layer>
        <layer pass="0" enabled="1" locked="0" class="SimpleFill">
          <Option type="Map">
            <Option type="QString" value="3x:0,0,0,0,0,0" name="border_width_map_unit_scale"/>
            <Option type="QString" value="208,19,155,30" name="color"/>
            <Option type="QString" value="round" name="joinstyle"/>
            <Option type="QString" value="0,0" name="offset"/>
            <Option type="QString" value="3x:0,0,0,0,0,0" name="offset_map_unit_scale"/>
            <Option type="QString" value="MM" name="offset_unit"/>
            <Option type="QString" value="208,19,155,255" name="outline_color"/>
            <Option type="QString" value="solid" name="outline_style"/>
            <Option type="QString" value="0.46" name="outline_width"/>
            <Option type="QString" value="MM" name="outline_width_unit"/>
            <Option type="QString" value="solid" name="style"/>
          </Option>
          <prop v="3x:0,0,0,0,0,0" k="border_width_map_unit_scale"/>
          <prop v="208,19,155,30" k="color"/>
          <prop v="round" k="joinstyle"/>
          <prop v="0,0" k="offset"/>
          <prop v="3x:0,0,0,0,0,0" k="offset_map_unit_scale"/>
          <prop v="MM" k="offset_unit"/>
          <prop v="208,19,155,255" k="outline_color"/>
          <prop v="solid" k="outline_style"/>
          <prop v="0.46" k="outline_width"/>
          <prop v="MM" k="outline_width_unit"/>
          <prop v="solid" k="style"/>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" value="" name="name"/>
              <Option name="properties"/>
              <Option type="QString" value="collection" name="type"/>
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
    </symbols>
    <rotation/>
    <sizescale/>
  </renderer-v2>
  <customproperties>
    <Option/>
  </customproperties>
  <blendMode>0</blendMode>
  <featureBlendMode>0</featureBlendMode>
  <layerOpacity>1</layerOpacity>
  <geometryOptions geometryPrecision="0" removeDuplicateNodes="0">
    <activeChecks/>
    <checkConfiguration/>
  </geometryOptions>
  <legend showLabelLegend="0" type="default-vector"/>
  <referencedLayers/>
  <fieldConfiguration>
    <field configurationFlags="None" name="fid">
      <editWidget type="Hidden">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="uuid">
      <editWidget type="Hidden">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="avalanche_id">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="type">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}" name="(not chosen)"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="slab" name="Slab"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="loose" name="Loose snow"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="glide" name="Glide"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="slush" name="Slush flow"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="cornice" name="Cornice fall"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="unknown" name="Unknown"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="moisture">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}" name="(not chosen)"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="dry" name="Dry"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="wet" name="Wet"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="mixed" name="Mixed"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="unknown" name="Unknown"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="trigger">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}" name="(not chosen)"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="natural" name="Natural"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="person" name="Person"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="explosive" name="Explosive"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="machine" name="Machine"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="other" name="Other"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="unknown" name="Unknown"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="size_eaws">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}" name="(not chosen)"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="1" name="1 – small"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="2" name="2 – medium"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="3" name="3 – large"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="4" name="4 – very large"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="5" name="5 – extremely large"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="part">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="avalanche" name="Whole avalanche"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="release" name="Release area"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="track" name="Track"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="deposit" name="Deposit"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="outline_quality">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="exact" name="Exact"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="estimated" name="Estimated"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="created" name="Created (location known only)"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="comment">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="fracture_width_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="fracture_depth_cm">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="observed_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option type="bool" value="true" name="allow_null"/>
            <Option type="bool" value="true" name="calendar_popup"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm" name="display_format"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm:ss" name="field_format"/>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="released_from">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option type="bool" value="true" name="allow_null"/>
            <Option type="bool" value="true" name="calendar_popup"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm" name="display_format"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm:ss" name="field_format"/>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="released_to">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option type="bool" value="true" name="allow_null"/>
            <Option type="bool" value="true" name="calendar_popup"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm" name="display_format"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm:ss" name="field_format"/>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="area_m2">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="area_surface_m2">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="length_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="width_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="size_suggested">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}" name="(not chosen)"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="1" name="1 – small"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="2" name="2 – medium"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="3" name="3 – large"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="4" name="4 – very large"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="5" name="5 – extremely large"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_max">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_min">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_release">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="z_deposit">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="aspect_deg">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="aspect_8">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="slope_mean_deg">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="slope_release_deg">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="bridged">
      <editWidget type="CheckBox">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="vis_frac">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="sigma_map_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="sigma_map_p90_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="grazing_med_deg">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="range_med_m">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_name">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_path">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="image_sha256">
      <editWidget type="Hidden">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="camera">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="camera_id">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="pose_id">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="drift_deg">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="method">
      <editWidget type="ValueMap">
        <config>
          <Option type="Map">
            <Option type="List" name="map">
              <Option type="Map">
                <Option type="QString" value="interactive" name="Interactive segmentation"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="polygon" name="Drawn by hand"/>
              </Option>
              <Option type="Map">
                <Option type="QString" value="imported" name="Imported outline"/>
              </Option>
            </Option>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="model_id">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="prompts">
      <editWidget type="Hidden">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="n_clicks">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="seconds">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="threshold">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="plugin_version">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="mapper">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="reviewed_by">
      <editWidget type="TextEdit">
        <config>
          <Option/>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="created_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option type="bool" value="true" name="allow_null"/>
            <Option type="bool" value="true" name="calendar_popup"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm" name="display_format"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm:ss" name="field_format"/>
          </Option>
        </config>
      </editWidget>
    </field>
    <field configurationFlags="None" name="modified_at">
      <editWidget type="DateTime">
        <config>
          <Option type="Map">
            <Option type="bool" value="true" name="allow_null"/>
            <Option type="bool" value="true" name="calendar_popup"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm" name="display_format"/>
            <Option type="QString" value="yyyy-MM-dd HH:mm:ss" name="field_format"/>
          </Option>
        </config>
      </editWidget>
    </field>
  </fieldConfiguration>
  <aliases>
    <alias index="0" name="" field="fid"/>
    <alias index="1" name="Identifier" field="uuid"/>
    <alias index="2" name="Avalanche (groups its parts)" field="avalanche_id"/>
    <alias index="3" name="Type" field="type"/>
    <alias index="4" name="Moisture" field="moisture"/>
    <alias index="5" name="Trigger" field="trigger"/>
    <alias index="6" name="Size (EAWS)" field="size_eaws"/>
    <alias index="7" name="Part" field="part"/>
    <alias index="8" name="Outline" field="outline_quality"/>
    <alias index="9" name="Comment" field="comment"/>
    <alias index="10" name="Fracture width (m)" field="fracture_width_m"/>
    <alias index="11" name="Fracture depth (cm)" field="fracture_depth_cm"/>
    <alias index="12" name="Observed at (UTC)" field="observed_at"/>
    <alias index="13" name="Released after (UTC)" field="released_from"/>
    <alias index="14" name="Released before (UTC)" field="released_to"/>
    <alias index="15" name="Area (m²)" field="area_m2"/>
    <alias index="16" name="Surface area (m²)" field="area_surface_m2"/>
    <alias index="17" name="Length (m)" field="length_m"/>
    <alias index="18" name="Width (m)" field="width_m"/>
    <alias index="19" name="Suggested size (EAWS)" field="size_suggested"/>
    <alias index="20" name="Highest point (m)" field="z_max"/>
    <alias index="21" name="Lowest point (m)" field="z_min"/>
    <alias index="22" name="Elevation of the release (m)" field="z_release"/>
    <alias index="23" name="Elevation of the deposit (m)" field="z_deposit"/>
    <alias index="24" name="Aspect (°)" field="aspect_deg"/>
    <alias index="25" name="Aspect (sector)" field="aspect_8"/>
    <alias index="26" name="Mean slope (°)" field="slope_mean_deg"/>
    <alias index="27" name="Slope of the release (°)" field="slope_release_deg"/>
    <alias index="28" name="Hidden gaps filled" field="bridged"/>
    <alias index="29" name="Visible share of the outline" field="vis_frac"/>
    <alias index="30" name="Accuracy (m)" field="sigma_map_m"/>
    <alias index="31" name="Accuracy, 90 % (m)" field="sigma_map_p90_m"/>
    <alias index="32" name="Grazing angle, median (°)" field="grazing_med_deg"/>
    <alias index="33" name="Distance, median (m)" field="range_med_m"/>
    <alias index="34" name="Image" field="image_name"/>
    <alias index="35" name="Image file" field="image_path"/>
    <alias index="36" name="SHA-256 of the image" field="image_sha256"/>
    <alias index="37" name="Camera (make, model)" field="camera"/>
    <alias index="38" name="Camera" field="camera_id"/>
    <alias index="39" name="Pose of the camera" field="pose_id"/>
    <alias index="40" name="Drift of the camera (°)" field="drift_deg"/>
    <alias index="41" name="Method" field="method"/>
    <alias index="42" name="Model" field="model_id"/>
    <alias index="43" name="Prompts (JSON)" field="prompts"/>
    <alias index="44" name="Clicks" field="n_clicks"/>
    <alias index="45" name="Seconds spent" field="seconds"/>
    <alias index="46" name="Threshold" field="threshold"/>
    <alias index="47" name="Plugin version" field="plugin_version"/>
    <alias index="48" name="Mapped by" field="mapper"/>
    <alias index="49" name="Reviewed by" field="reviewed_by"/>
    <alias index="50" name="Created (UTC)" field="created_at"/>
    <alias index="51" name="Outlined last (UTC)" field="modified_at"/>
  </aliases>
  <defaults>
    <default expression="" applyOnUpdate="0" field="fid"/>
    <default expression="uuid('WithoutBraces')" applyOnUpdate="0" field="uuid"/>
    <default expression="uuid('WithoutBraces')" applyOnUpdate="0" field="avalanche_id"/>
    <default expression="" applyOnUpdate="0" field="type"/>
    <default expression="" applyOnUpdate="0" field="moisture"/>
    <default expression="" applyOnUpdate="0" field="trigger"/>
    <default expression="" applyOnUpdate="0" field="size_eaws"/>
    <default expression="'avalanche'" applyOnUpdate="0" field="part"/>
    <default expression="'exact'" applyOnUpdate="0" field="outline_quality"/>
    <default expression="" applyOnUpdate="0" field="comment"/>
    <default expression="" applyOnUpdate="0" field="fracture_width_m"/>
    <default expression="" applyOnUpdate="0" field="fracture_depth_cm"/>
    <default expression="" applyOnUpdate="0" field="observed_at"/>
    <default expression="" applyOnUpdate="0" field="released_from"/>
    <default expression="" applyOnUpdate="0" field="released_to"/>
    <default expression="" applyOnUpdate="0" field="area_m2"/>
    <default expression="" applyOnUpdate="0" field="area_surface_m2"/>
    <default expression="" applyOnUpdate="0" field="length_m"/>
    <default expression="" applyOnUpdate="0" field="width_m"/>
    <default expression="" applyOnUpdate="0" field="size_suggested"/>
    <default expression="" applyOnUpdate="0" field="z_max"/>
    <default expression="" applyOnUpdate="0" field="z_min"/>
    <default expression="" applyOnUpdate="0" field="z_release"/>
    <default expression="" applyOnUpdate="0" field="z_deposit"/>
    <default expression="" applyOnUpdate="0" field="aspect_deg"/>
    <default expression="" applyOnUpdate="0" field="aspect_8"/>
    <default expression="" applyOnUpdate="0" field="slope_mean_deg"/>
    <default expression="" applyOnUpdate="0" field="slope_release_deg"/>
    <default expression="" applyOnUpdate="0" field="bridged"/>
    <default expression="" applyOnUpdate="0" field="vis_frac"/>
    <default expression="" applyOnUpdate="0" field="sigma_map_m"/>
    <default expression="" applyOnUpdate="0" field="sigma_map_p90_m"/>
    <default expression="" applyOnUpdate="0" field="grazing_med_deg"/>
    <default expression="" applyOnUpdate="0" field="range_med_m"/>
    <default expression="" applyOnUpdate="0" field="image_name"/>
    <default expression="" applyOnUpdate="0" field="image_path"/>
    <default expression="" applyOnUpdate="0" field="image_sha256"/>
    <default expression="" applyOnUpdate="0" field="camera"/>
    <default expression="" applyOnUpdate="0" field="camera_id"/>
    <default expression="" applyOnUpdate="0" field="pose_id"/>
    <default expression="" applyOnUpdate="0" field="drift_deg"/>
    <default expression="'polygon'" applyOnUpdate="0" field="method"/>
    <default expression="" applyOnUpdate="0" field="model_id"/>
    <default expression="" applyOnUpdate="0" field="prompts"/>
    <default expression="" applyOnUpdate="0" field="n_clicks"/>
    <default expression="" applyOnUpdate="0" field="seconds"/>
    <default expression="" applyOnUpdate="0" field="threshold"/>
    <default expression="" applyOnUpdate="0" field="plugin_version"/>
    <default expression="@user_full_name" applyOnUpdate="0" field="mapper"/>
    <default expression="" applyOnUpdate="0" field="reviewed_by"/>
    <default expression="" applyOnUpdate="0" field="created_at"/>
    <default expression="" applyOnUpdate="0" field="modified_at"/>
  </defaults>
  <constraints>
    <constraint exp_strength="0" constraints="3" field="fid" notnull_strength="1" unique_strength="1"/>
    <constraint exp_strength="0" constraints="0" field="uuid" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="avalanche_id" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="1" field="type" notnull_strength="2" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="moisture" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="trigger" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="size_eaws" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="part" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="outline_quality" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="comment" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="2" constraints="4" field="fracture_width_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="2" constraints="4" field="fracture_depth_cm" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="observed_at" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="released_from" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="2" constraints="4" field="released_to" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="area_m2" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="area_surface_m2" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="length_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="width_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="size_suggested" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="z_max" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="z_min" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="z_release" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="z_deposit" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="aspect_deg" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="aspect_8" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="slope_mean_deg" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="slope_release_deg" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="bridged" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="vis_frac" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="sigma_map_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="sigma_map_p90_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="grazing_med_deg" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="range_med_m" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="image_name" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="image_path" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="image_sha256" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="camera" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="camera_id" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="pose_id" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="drift_deg" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="method" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="model_id" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="prompts" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="n_clicks" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="seconds" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="threshold" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="plugin_version" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="mapper" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="reviewed_by" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="created_at" notnull_strength="0" unique_strength="0"/>
    <constraint exp_strength="0" constraints="0" field="modified_at" notnull_strength="0" unique_strength="0"/>
  </constraints>
  <constraintExpressions>
    <constraint desc="" field="fid" exp=""/>
    <constraint desc="" field="uuid" exp=""/>
    <constraint desc="" field="avalanche_id" exp=""/>
    <constraint desc="" field="type" exp=""/>
    <constraint desc="" field="moisture" exp=""/>
    <constraint desc="" field="trigger" exp=""/>
    <constraint desc="" field="size_eaws" exp=""/>
    <constraint desc="" field="part" exp=""/>
    <constraint desc="" field="outline_quality" exp=""/>
    <constraint desc="" field="comment" exp=""/>
    <constraint desc="Not below 0" field="fracture_width_m" exp="&quot;fracture_width_m&quot; is null or &quot;fracture_width_m&quot; >= 0"/>
    <constraint desc="Not below 0" field="fracture_depth_cm" exp="&quot;fracture_depth_cm&quot; is null or &quot;fracture_depth_cm&quot; >= 0"/>
    <constraint desc="" field="observed_at" exp=""/>
    <constraint desc="" field="released_from" exp=""/>
    <constraint desc="Not earlier than “Released after”" field="released_to" exp="coalesce(&quot;released_to&quot; >= &quot;released_from&quot;, true)"/>
    <constraint desc="" field="area_m2" exp=""/>
    <constraint desc="" field="area_surface_m2" exp=""/>
    <constraint desc="" field="length_m" exp=""/>
    <constraint desc="" field="width_m" exp=""/>
    <constraint desc="" field="size_suggested" exp=""/>
    <constraint desc="" field="z_max" exp=""/>
    <constraint desc="" field="z_min" exp=""/>
    <constraint desc="" field="z_release" exp=""/>
    <constraint desc="" field="z_deposit" exp=""/>
    <constraint desc="" field="aspect_deg" exp=""/>
    <constraint desc="" field="aspect_8" exp=""/>
    <constraint desc="" field="slope_mean_deg" exp=""/>
    <constraint desc="" field="slope_release_deg" exp=""/>
    <constraint desc="" field="bridged" exp=""/>
    <constraint desc="" field="vis_frac" exp=""/>
    <constraint desc="" field="sigma_map_m" exp=""/>
    <constraint desc="" field="sigma_map_p90_m" exp=""/>
    <constraint desc="" field="grazing_med_deg" exp=""/>
    <constraint desc="" field="range_med_m" exp=""/>
    <constraint desc="" field="image_name" exp=""/>
    <constraint desc="" field="image_path" exp=""/>
    <constraint desc="" field="image_sha256" exp=""/>
    <constraint desc="" field="camera" exp=""/>
    <constraint desc="" field="camera_id" exp=""/>
    <constraint desc="" field="pose_id" exp=""/>
    <constraint desc="" field="drift_deg" exp=""/>
    <constraint desc="" field="method" exp=""/>
    <constraint desc="" field="model_id" exp=""/>
    <constraint desc="" field="prompts" exp=""/>
    <constraint desc="" field="n_clicks" exp=""/>
    <constraint desc="" field="seconds" exp=""/>
    <constraint desc="" field="threshold" exp=""/>
    <constraint desc="" field="plugin_version" exp=""/>
    <constraint desc="" field="mapper" exp=""/>
    <constraint desc="" field="reviewed_by" exp=""/>
    <constraint desc="" field="created_at" exp=""/>
    <constraint desc="" field="modified_at" exp=""/>
  </constraintExpressions>
  <expressionfields/>
  <attributeactions>
    <defaultAction key="Canvas" value="{00000000-0000-0000-0000-000000000000}"/>
  </attributeactions>
  <attributetableconfig sortExpression="" sortOrder="0" actionWidgetStyle="dropDown">
    <columns>
      <column width="-1" hidden="0" type="field" name="fid"/>
      <column width="-1" hidden="1" type="field" name="uuid"/>
      <column width="-1" hidden="0" type="field" name="avalanche_id"/>
      <column width="-1" hidden="0" type="field" name="type"/>
      <column width="-1" hidden="0" type="field" name="moisture"/>
      <column width="-1" hidden="0" type="field" name="trigger"/>
      <column width="-1" hidden="0" type="field" name="size_eaws"/>
      <column width="-1" hidden="0" type="field" name="part"/>
      <column width="-1" hidden="0" type="field" name="outline_quality"/>
      <column width="-1" hidden="0" type="field" name="comment"/>
      <column width="-1" hidden="0" type="field" name="fracture_width_m"/>
      <column width="-1" hidden="0" type="field" name="fracture_depth_cm"/>
      <column width="-1" hidden="0" type="field" name="observed_at"/>
      <column width="-1" hidden="0" type="field" name="released_from"/>
      <column width="-1" hidden="0" type="field" name="released_to"/>
      <column width="-1" hidden="0" type="field" name="area_m2"/>
      <column width="-1" hidden="0" type="field" name="area_surface_m2"/>
      <column width="-1" hidden="0" type="field" name="length_m"/>
      <column width="-1" hidden="0" type="field" name="width_m"/>
      <column width="-1" hidden="0" type="field" name="size_suggested"/>
      <column width="-1" hidden="0" type="field" name="z_max"/>
      <column width="-1" hidden="0" type="field" name="z_min"/>
      <column width="-1" hidden="0" type="field" name="z_release"/>
      <column width="-1" hidden="0" type="field" name="z_deposit"/>
      <column width="-1" hidden="0" type="field" name="aspect_deg"/>
      <column width="-1" hidden="0" type="field" name="aspect_8"/>
      <column width="-1" hidden="0" type="field" name="slope_mean_deg"/>
      <column width="-1" hidden="0" type="field" name="slope_release_deg"/>
      <column width="-1" hidden="0" type="field" name="bridged"/>
      <column width="-1" hidden="0" type="field" name="vis_frac"/>
      <column width="-1" hidden="0" type="field" name="sigma_map_m"/>
      <column width="-1" hidden="0" type="field" name="sigma_map_p90_m"/>
      <column width="-1" hidden="0" type="field" name="grazing_med_deg"/>
      <column width="-1" hidden="0" type="field" name="range_med_m"/>
      <column width="-1" hidden="0" type="field" name="image_name"/>
      <column width="-1" hidden="0" type="field" name="image_path"/>
      <column width="-1" hidden="1" type="field" name="image_sha256"/>
      <column width="-1" hidden="0" type="field" name="camera"/>
      <column width="-1" hidden="0" type="field" name="camera_id"/>
      <column width="-1" hidden="0" type="field" name="pose_id"/>
      <column width="-1" hidden="0" type="field" name="drift_deg"/>
      <column width="-1" hidden="0" type="field" name="method"/>
      <column width="-1" hidden="0" type="field" name="model_id"/>
      <column width="-1" hidden="1" type="field" name="prompts"/>
      <column width="-1" hidden="0" type="field" name="n_clicks"/>
      <column width="-1" hidden="0" type="field" name="seconds"/>
      <column width="-1" hidden="0" type="field" name="threshold"/>
      <column width="-1" hidden="0" type="field" name="plugin_version"/>
      <column width="-1" hidden="0" type="field" name="mapper"/>
      <column width="-1" hidden="0" type="field" name="reviewed_by"/>
      <column width="-1" hidden="0" type="field" name="created_at"/>
      <column width="-1" hidden="0" type="field" name="modified_at"/>
      <column width="-1" hidden="0" type="actions"/>
    </columns>
  </attributetableconfig>
  <conditionalstyles>
    <rowstyles/>
    <fieldstyles/>
  </conditionalstyles>
  <storedexpressions/>
  <editform tolerant="1"></editform>
  <editforminit/>
  <editforminitcodesource>0</editforminitcodesource>
  <editforminitfilepath></editforminitfilepath>
  <editforminitcode><![CDATA[]]></editforminitcode>
  <featformsuppress>0</featformsuppress>
  <editorlayout>tablayout</editorlayout>
  <attributeEditorForm>
    <attributeEditorContainer columnCount="1" groupBox="0" showLabel="1" name="What" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorField showLabel="1" index="3" name="type"/>
      <attributeEditorField showLabel="1" index="4" name="moisture"/>
      <attributeEditorField showLabel="1" index="5" name="trigger"/>
      <attributeEditorField showLabel="1" index="6" name="size_eaws"/>
      <attributeEditorField showLabel="1" index="7" name="part"/>
      <attributeEditorField showLabel="1" index="8" name="outline_quality"/>
      <attributeEditorField showLabel="1" index="9" name="comment"/>
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Fracture" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="10" name="fracture_width_m"/>
        <attributeEditorField showLabel="1" index="11" name="fracture_depth_cm"/>
      </attributeEditorContainer>
    </attributeEditorContainer>
    <attributeEditorContainer columnCount="1" groupBox="0" showLabel="1" name="When" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorField showLabel="1" index="12" name="observed_at"/>
      <attributeEditorField showLabel="1" index="13" name="released_from"/>
      <attributeEditorField showLabel="1" index="14" name="released_to"/>
    </attributeEditorContainer>
    <attributeEditorContainer columnCount="1" groupBox="0" showLabel="1" name="Measures" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Extent" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="15" name="area_m2"/>
        <attributeEditorField showLabel="1" index="16" name="area_surface_m2"/>
        <attributeEditorField showLabel="1" index="17" name="length_m"/>
        <attributeEditorField showLabel="1" index="18" name="width_m"/>
        <attributeEditorField showLabel="1" index="19" name="size_suggested"/>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Terrain" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="20" name="z_max"/>
        <attributeEditorField showLabel="1" index="21" name="z_min"/>
        <attributeEditorField showLabel="1" index="22" name="z_release"/>
        <attributeEditorField showLabel="1" index="23" name="z_deposit"/>
        <attributeEditorField showLabel="1" index="24" name="aspect_deg"/>
        <attributeEditorField showLabel="1" index="25" name="aspect_8"/>
        <attributeEditorField showLabel="1" index="26" name="slope_mean_deg"/>
        <attributeEditorField showLabel="1" index="27" name="slope_release_deg"/>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Accuracy" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="28" name="bridged"/>
        <attributeEditorField showLabel="1" index="29" name="vis_frac"/>
        <attributeEditorField showLabel="1" index="30" name="sigma_map_m"/>
        <attributeEditorField showLabel="1" index="31" name="sigma_map_p90_m"/>
        <attributeEditorField showLabel="1" index="32" name="grazing_med_deg"/>
        <attributeEditorField showLabel="1" index="33" name="range_med_m"/>
      </attributeEditorContainer>
    </attributeEditorContainer>
    <attributeEditorContainer columnCount="1" groupBox="0" showLabel="1" name="Provenance" visibilityExpression="" visibilityExpressionEnabled="0">
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Image" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="34" name="image_name"/>
        <attributeEditorField showLabel="1" index="35" name="image_path"/>
        <attributeEditorField showLabel="1" index="37" name="camera"/>
        <attributeEditorField showLabel="1" index="38" name="camera_id"/>
        <attributeEditorField showLabel="1" index="39" name="pose_id"/>
        <attributeEditorField showLabel="1" index="40" name="drift_deg"/>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Segmentation" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="41" name="method"/>
        <attributeEditorField showLabel="1" index="42" name="model_id"/>
        <attributeEditorField showLabel="1" index="44" name="n_clicks"/>
        <attributeEditorField showLabel="1" index="45" name="seconds"/>
        <attributeEditorField showLabel="1" index="46" name="threshold"/>
        <attributeEditorField showLabel="1" index="47" name="plugin_version"/>
      </attributeEditorContainer>
      <attributeEditorContainer columnCount="1" groupBox="1" showLabel="1" name="Record" visibilityExpression="" visibilityExpressionEnabled="0">
        <attributeEditorField showLabel="1" index="2" name="avalanche_id"/>
        <attributeEditorField showLabel="1" index="48" name="mapper"/>
        <attributeEditorField showLabel="1" index="49" name="reviewed_by"/>
        <attributeEditorField showLabel="1" index="50" name="created_at"/>
        <attributeEditorField showLabel="1" index="51" name="modified_at"/>
      </attributeEditorContainer>
    </attributeEditorContainer>
  </attributeEditorForm>
  <editable>
    <field editable="0" name="area_m2"/>
    <field editable="0" name="area_surface_m2"/>
    <field editable="0" name="aspect_8"/>
    <field editable="0" name="aspect_deg"/>
    <field editable="1" name="avalanche_id"/>
    <field editable="0" name="bridged"/>
    <field editable="0" name="camera"/>
    <field editable="0" name="camera_id"/>
    <field editable="1" name="comment"/>
    <field editable="0" name="created_at"/>
    <field editable="0" name="drift_deg"/>
    <field editable="1" name="fracture_depth_cm"/>
    <field editable="1" name="fracture_width_m"/>
    <field editable="0" name="grazing_med_deg"/>
    <field editable="0" name="image_name"/>
    <field editable="0" name="image_path"/>
    <field editable="0" name="image_sha256"/>
    <field editable="0" name="length_m"/>
    <field editable="1" name="mapper"/>
    <field editable="0" name="method"/>
    <field editable="0" name="model_id"/>
    <field editable="0" name="modified_at"/>
    <field editable="1" name="moisture"/>
    <field editable="0" name="n_clicks"/>
    <field editable="1" name="observed_at"/>
    <field editable="1" name="outline_quality"/>
    <field editable="1" name="part"/>
    <field editable="0" name="plugin_version"/>
    <field editable="0" name="pose_id"/>
    <field editable="0" name="prompts"/>
    <field editable="0" name="range_med_m"/>
    <field editable="1" name="released_from"/>
    <field editable="1" name="released_to"/>
    <field editable="1" name="reviewed_by"/>
    <field editable="0" name="seconds"/>
    <field editable="0" name="sigma_map_m"/>
    <field editable="0" name="sigma_map_p90_m"/>
    <field editable="1" name="size_eaws"/>
    <field editable="0" name="size_suggested"/>
    <field editable="0" name="slope_mean_deg"/>
    <field editable="0" name="slope_release_deg"/>
    <field editable="0" name="threshold"/>
    <field editable="1" name="trigger"/>
    <field editable="1" name="type"/>
    <field editable="0" name="uuid"/>
    <field editable="0" name="vis_frac"/>
    <field editable="0" name="width_m"/>
    <field editable="0" name="z_deposit"/>
    <field editable="0" name="z_max"/>
    <field editable="0" name="z_min"/>
    <field editable="0" name="z_release"/>
  </editable>
  <labelOnTop/>
  <reuseLastValue/>
  <dataDefinedFieldProperties/>
  <widgets/>
  <previewExpression>concat(coalesce(represent_value("type"), 'avalanche'), ' ', "image_name")</previewExpression>
  <mapTip></mapTip>
  <layerGeometryType>2</layerGeometryType>
</qgis>
